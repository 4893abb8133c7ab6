/**
 * A member that missed what the log has forgotten: its store is set aside and made anew from a snapshot, while it runs.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { defaultLimits, defaultTiming } from '../../cluster/timing.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { openMemberKeeper } from '../../src/member/member-keeper.ts';
import type { MemberKeeper } from '../../src/member/member-keeper.ts';
import { limitsWith } from '../../src/server/limits.ts';
import { compileCore } from '../../src/wasm/load.ts';
import { natsMissing, startNats } from '../cluster/nats/nats-servers.ts';

const skip = natsMissing();
const core = compileCore();
const clusterLimits = { ...defaultLimits, snapshotEntries: 60, tailEntries: 20, readEntries: 16 };

test('a node that is behind the log starts from a snapshot, sets its old store aside, and has the same state as the others', { skip, timeout: 180_000 }, async (context) => {
  await using nats = await startNats(1);
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-rebuild-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const faults: unknown[] = [];
  const open = async (node: string): Promise<{ readonly keeper: MemberKeeper; readonly happened: string[] }> => {
    const happened: string[] = [];
    const { keeper } = await openMemberKeeper({
      nats: { servers: nats.urls, cluster: 'rebuild', node, replicas: 1 },
      consistency: 'linearizable', timing: defaultTiming, clusterLimits, core, crossovers: undefined,
      store: { folder: join(folder, node), rootKey: new Uint8Array(32).fill(5) },
      server: { vendorIdentification: 'kmipd', serverVersion: '0', serverName: 'test' },
      clock: systemClock, log: silentLog, limits: limitsWith(), planned: () => undefined,
    }, {
      changed: () => undefined,
      suspend: async () => { happened.push('suspend'); },
      resume: async () => { happened.push('resume'); },
      onFault: (error) => faults.push(error),
    });
    return { keeper, happened };
  };
  const put = (keeper: MemberKeeper, from: number, count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, (_, index) => keeper.commit([{ kind: 'setting-put', name: `setting ${from + index}`, value: Uint8Array.of(index & 0xff) }])));

  const steady = await open('steady');
  const left = await open('left');
  await Promise.all([steady.keeper.ready(), left.keeper.ready()]);
  await put(left.keeper, 0, 5);
  await left.keeper.leave();
  await left.keeper.close();
  for (let round = 0; round < 30; round += 1) {
    await steady.keeper.ready();
    await put(steady.keeper, 100 + round * 10, 5);
    // One entry each: the log shall become long.
    for (let index = 5; index < 10; index += 1) await put(steady.keeper, 100 + round * 10 + index, 1);
  }
  const logBegins = async (): Promise<number> => {
    await using connection = await connect({ servers: [...nats.urls] });
    return (await (await jetstreamManager(connection)).streams.info('KMIPD-rebuild-LOG')).state.first_seq;
  };
  for (let wait = 0; wait < 100 && (await logBegins()) < 30; wait += 1) await sleep(100);
  assert.ok((await logBegins()) > 20, 'the log has forgotten its beginning');

  const again = await open('left');
  await again.keeper.ready();
  assert.deepEqual(again.happened, ['suspend', 'resume']);
  assert.ok(readdirSync(folder).some((name) => name.startsWith('left.aside-')), readdirSync(folder).join(' '));
  for (const name of ['setting 0', 'setting 100', 'setting 399']) assert.deepEqual(again.keeper.view.setting(name), steady.keeper.view.setting(name), name);
  await put(again.keeper, 1000, 1);
  assert.deepEqual(steady.keeper.view.setting('setting 1000'), Uint8Array.of(0));
  assert.deepEqual(faults, []);
  await again.keeper.close();
  await steady.keeper.close();
});
