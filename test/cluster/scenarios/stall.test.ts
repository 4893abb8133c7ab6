/**
 * NATS stalls as a whole or in part, as it does for some seconds when the server dies that leads a stream: what goes on, and how
 * soon all is well again when it is back, without anybody's help.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patientTiming, stallTiming } from '../../../cluster/timing.ts';
import type { SimNode } from '../sim/sim-node.ts';
import { Stage } from './stage.ts';

interface Course {
  /** After the begin of the stall: when the node answered its last read before its gap, and the first one after it; absent where it had none. */
  readonly gaps: ReadonlyMap<SimNode, { readonly from: number; readonly to: number }>;
  /** After the end of the stall. */
  readonly writtenAfter: number;
}

function stall(stage: Stage, milliseconds: number, services: readonly string[]): Course {
  const { world } = stage;
  const [writer] = stage.followers;
  stage.change(writer!, 'create', 'key');
  const began = world.scheduler.now;
  for (const name of world.names) {
    for (const service of services) {
      world.network.cut(name, service, milliseconds);
      world.network.cut(service, name, milliseconds);
    }
  }
  const write = stage.begin(writer!, 'activate', 'key');
  const lastRead = new Map<SimNode, number>(world.nodes.map((node) => [node, began]));
  const gaps = new Map<SimNode, { readonly from: number; readonly to: number }>();
  while (world.scheduler.now < began + milliseconds + 5000) {
    for (const node of world.nodes) {
      node.read((objects) => ({ seen: objects.size, touched: 0 }), 0, (seen) => {
        if (seen === undefined) return;
        const { now } = world.scheduler;
        if (now - lastRead.get(node)! > 60) gaps.set(node, { from: lastRead.get(node)! - began, to: now - began });
        lastRead.set(node, now);
      });
    }
    stage.run(20);
  }
  assert.equal(write.result?.done, true, world.transcript.join('\n'));
  for (const node of world.nodes) assert.ok(node.cluster!.mayAnswer());
  return { gaps, writtenAfter: write.at - began - milliseconds };
}

for (const milliseconds of [5000, 6000, 7000]) {
  test(`after a stall of all of NATS for ${milliseconds} ms nodes read and write again within three seconds`, (context) => {
    const stage = new Stage({ timing: { giveUpMs: 20_000 } });
    const { gaps, writtenAfter } = stall(stage, milliseconds, ['log', 'tenure']);
    context.diagnostic(`writes ${writtenAfter.toFixed(0)} ms after it; no reads from ${[...gaps.values()].map(({ from, to }) => `${from.toFixed(0)} to ${to.toFixed(0)}`).join(', ')} ms`);
    assert.ok(writtenAfter < 3000, `${writtenAfter} ms`);
    assert.equal(gaps.size, 3, 'nobody reads on without a primary for that long');
    for (const { from, to } of gaps.values()) assert.ok(from < 3700 && to - milliseconds < 3000, `${from} to ${to} ms`);
    stage.endsWell();
  });

  test(`with long permits for a stall the nodes that are not primary read on through ${milliseconds} ms of it`, (context) => {
    const stage = new Stage({ timing: { ...stallTiming, giveUpMs: 20_000 } });
    const { primary } = stage;
    const { gaps, writtenAfter } = stall(stage, milliseconds, ['log', 'tenure']);
    context.diagnostic(`writes ${writtenAfter.toFixed(0)} ms after it`);
    assert.ok(writtenAfter < 3000, `${writtenAfter} ms`);
    assert.deepEqual([...gaps.keys()], [primary]);
    assert.ok(gaps.get(primary)!.to < milliseconds + 1000);
    stage.endsWell();
  });

  test(`patient nodes read on through a stall of ${milliseconds} ms, but for the primary once its tenure is over`, (context) => {
    const stage = new Stage({ timing: patientTiming });
    const { primary } = stage;
    const { gaps, writtenAfter } = stall(stage, milliseconds, ['log', 'tenure']);
    context.diagnostic(`writes ${writtenAfter.toFixed(0)} ms after it`);
    assert.ok(writtenAfter < 3000, `${writtenAfter} ms`);
    assert.deepEqual([...gaps.keys()].filter((node) => node !== primary), []);
    const own = gaps.get(primary);
    assert.ok(own === undefined || (own.from > 2900 && own.to < milliseconds + 1000), JSON.stringify(own));
  });
}

test('while the log alone stalls the primary stays, reads go on everywhere, and writes are answered when it is back', (context) => {
  const stage = new Stage({ timing: { giveUpMs: 20_000 } });
  const { primary } = stage;
  const { gaps, writtenAfter } = stall(stage, 6000, ['log']);
  context.diagnostic(`writes ${writtenAfter.toFixed(0)} ms after it`);
  assert.equal(stage.primary, primary);
  assert.equal(gaps.size, 0);
  assert.ok(writtenAfter < 1000, `${writtenAfter} ms`);
  stage.endsWell();
});

test('while the tenure store alone stalls the tenure ends, and comes back with it', (context) => {
  const stage = new Stage({ timing: { giveUpMs: 20_000 } });
  const { gaps, writtenAfter } = stall(stage, 6000, ['tenure']);
  context.diagnostic(`writes ${writtenAfter.toFixed(0)} ms after it`);
  assert.ok(writtenAfter < 1000, `${writtenAfter} ms`);
  for (const { to } of gaps.values()) assert.ok(to < 7000, `${to} ms`);
  stage.endsWell();
});

test('a long permit from a short stall is waited for after it, though shorter ones were granted since', () => {
  const stage = new Stage({ timing: { ...stallTiming, giveUpMs: 20_000 } });
  const { primary, world } = stage;
  const [lonely, writer] = stage.followers;
  stage.change(writer!, 'create', 'key');
  const hasLongPermit = (): boolean => lonely!.cluster!.state.permits.grants.some(({ until }) => until > lonely!.clock() + 5000);
  for (let round = 0; round < 10 && !hasLongPermit(); round += 1) {
    // What the primary writes arrives, and it does not hear of it.
    world.network.cut('tenure', primary.name, 650);
    stage.run(1010);
  }
  assert.equal(stage.primary, primary, 'it has its tenure still');
  assert.ok(hasLongPermit(), 'it has granted a long permit');
  stage.isolate(lonely!, 30_000);
  // Late, and of an earlier start of that node: the longer permit of the later one counts on.
  const { fence, sequence } = primary.cluster!.state.replicated;
  primary.handle({ kind: 'message', from: lonely!.name, message: { kind: 'heartbeat', incarnation: 'earlier', number: 1, fence, applied: sequence } });
  const cutAt = world.scheduler.now;
  const activate = stage.begin(writer!, 'activate', 'key');
  let lastRead = cutAt;
  while (world.scheduler.now < cutAt + 10_000) if (stage.read(lonely!, 'key', 20) !== undefined) lastRead = world.scheduler.now;
  assert.ok(lastRead > cutAt + 5000, `last read after ${lastRead - cutAt} ms`);
  assert.ok(activate.at > lastRead, `written after ${activate.at - cutAt} ms, last read after ${lastRead - cutAt} ms`);
  stage.endsWell();
});
