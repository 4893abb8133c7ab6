/**
 * Hosts in network namespaces: their cuts are silent and heal, and nothing of them outlives their harness, whatever ends it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { namespacesMissing } from './own-namespace.ts';

const missing = namespacesMissing();
const skip = missing !== false && `no network namespaces can be made here (${missing})`;
const program = path.join(import.meta.dirname, 'silent-cut.ts');

interface Seen {
  readonly what: string;
  readonly back: Readonly<Record<'echoes' | 'closed' | 'opened' | 'refused', number>>;
  readonly front: { readonly echoes: number; readonly closed: number };
}

test('a host that is cut off is silent: nothing is closed or refused, and its connections go on when it is back', { skip, timeout: 60_000 }, async () => {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  assert.deepEqual(await once(child, 'close'), [0, null], output);
  const seen = output.trim().split('\n').map((line) => JSON.parse(line) as Seen);
  assert.deepEqual(seen.map(({ what }) => what), ['whole', 'hole', 'healed', 'drop', 'healed again']);
  for (const { what, back, front } of seen) {
    assert.ok(back.closed === 0 && back.refused === 0 && front.closed === 0, `${what}: somebody was told: ${output}`);
    const reached = what !== 'hole' && what !== 'drop';
    assert.equal(back.echoes > 0 && back.opened > 0, reached, `${what}, at the back: ${output}`);
    if (!reached) assert.ok(back.echoes === 0 && back.opened === 0, `${what}, at the back: ${output}`);
    assert.equal(front.echoes > 0, what !== 'drop', `${what}, at the front: ${output}`);
  }
});

/** All processes below one, with the time each began, so that a number used again is no mistake. */
function below(pid: number): readonly string[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((name) => ({ name, ...statOf(name) }));
  const found: string[] = [];
  for (let parents = [String(pid)]; parents.length > 0; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children.map(({ name, began }) => `${name}/${began}`));
    parents = children.map(({ name }) => name);
  }
  return found;
}

function statOf(pid: string): { readonly parent: string; readonly began: string } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return { parent: fields[1]!, began: fields[19]! };
  } catch {
    return { parent: '', began: '' };
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`no process and no namespace outlives a harness that ${signal} ends`, { skip, timeout: 60_000 }, async () => {
    const child = spawn(process.execPath, [program, 'stay'], { stdio: ['pipe', 'pipe', 'inherit'] });
    assert.equal(String((await once(child.stdout, 'data'))[0]), 'made\n');
    const started = below(child.pid!);
    // unshare, the program again, and a holder for each of the two hosts.
    assert.ok(started.length >= 4, started.join(' '));
    child.kill(signal);
    await once(child, 'exit');
    let left: readonly string[] = started;
    for (const until = performance.now() + 5_000; left.length > 0 && performance.now() < until; await sleep(50)) {
      left = started.filter((each) => statOf(each.split('/')[0]!).began === each.split('/')[1]);
    }
    assert.deepEqual(left, []);
  });
}
