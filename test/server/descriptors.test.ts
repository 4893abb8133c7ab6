/**
 * Connections never take the file descriptors that the store needs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../src/log.ts';
import { fittedLimits, openFilesMax } from '../../src/server/descriptors.ts';
import { limitsWith } from '../../src/server/limits.ts';

test('limits that fit are left as they are, also where the system does not tell', () => {
  const limits = limitsWith();
  assert.equal(fittedLimits(limits, 4, silentLog, 1_000_000), limits);
  assert.equal(fittedLimits({ ...limits, connections: 10, pendingHandshakes: 10 }, 1, silentLog, 40).connections, 10);
});

for (const [openFiles, workers] of [[256, 2], [1024, 4], [4096, 16], [8192, 2], [64, 64]] as const) {
  test(`with ${openFiles} open files and ${workers} workers, half of them or 1,400 stay for the store`, () => {
    const { connections, pendingHandshakes } = fittedLimits(limitsWith(), workers, silentLog, openFiles);
    const sockets = connections + workers * pendingHandshakes;
    assert.ok(connections >= 1 && pendingHandshakes >= 1);
    if (workers < openFiles / 2) assert.ok(sockets <= openFiles - Math.min(1_400, openFiles / 2), `${sockets} sockets of ${openFiles}`);
  });
}

test('the system tells how many files may be open', { skip: process.platform !== 'linux' }, () => {
  assert.ok(openFilesMax()! >= 64);
});
