/**
 * The joint of state machine and ports: what readers on other threads are told, and when.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterNode } from '../../cluster/node.ts';
import type { Ports } from '../../cluster/ports.ts';
import { emptyReplicated } from '../../cluster/replicated.ts';
import { defaultLimits, defaultTiming } from '../../cluster/timing.ts';

function recorded(calls: string[]): Ports {
  const port = <T extends object>(name: string): T => new Proxy({}, { get: (_, method) => () => void calls.push(`${name}.${String(method)}`) }) as T;
  return { log: port('log'), tenure: port('tenure'), peers: port('peers'), store: port('store'), host: port('host') };
}

test('readers are told what a step left of the permit before its effects are carried out', () => {
  const calls: string[] = [];
  const restored = { incarnation: 'a.1', replicated: emptyReplicated(), tail: [] };
  const node = new ClusterNode({ node: 'a', timing: defaultTiming, limits: defaultLimits, restored, startsEmpty: false }, recorded(calls), () => 1000, ({ permitUntil }) => calls.push(`permit until ${permitUntil}`));
  node.handle({ kind: 'tick' });
  assert.equal(calls[0], 'permit until 0');
  assert.ok(calls.includes('peers.broadcast') && calls.includes('tenure.look') && calls.includes('log.read'), calls.join());
  assert.equal(calls.filter((call) => call.startsWith('permit')).length, 1);
});

test('the permit told holds until the instant at which the node itself would say no', () => {
  let now = 1000;
  let told = 0;
  const restored = { incarnation: 'a.1', replicated: emptyReplicated(), tail: [] };
  const node = new ClusterNode({ node: 'a', timing: defaultTiming, limits: defaultLimits, restored, startsEmpty: false }, recorded([]), () => now, ({ permitUntil }) => {
    told = permitUntil;
  });
  node.handle({ kind: 'tick' });
  const { fence } = node.state.replicated;
  node.handle({ kind: 'message', from: 'b', message: { kind: 'grant', fence, incarnation: 'a.1', number: 1, through: 0, stable: 0, permitMs: defaultTiming.permitMs } });
  assert.equal(told, 1000 + defaultTiming.permitMs);
  now = told - 1;
  assert.ok(node.mayAnswer());
  now = told;
  assert.ok(!node.mayAnswer());
  now = told - 1;
  node.handle({ kind: 'slept' });
  assert.equal(told, 0);
  assert.ok(!node.mayAnswer());
});
