/**
 * A stage for one scenario: a calm cluster whose faults the test itself makes, and plain calls on its nodes.
 */
import assert from 'node:assert/strict';
import { healAll } from '../sim/faults.ts';
import { calm } from '../sim/network.ts';
import { trueProtocol } from '../sim/protocol.ts';
import type { SimNode } from '../sim/sim-node.ts';
import type { Change, CommandResult, LifeState } from '../sim/state-machine.ts';
import { World } from '../sim/world.ts';
import type { WorldOptions } from '../sim/world.ts';

export class Stage {
  readonly world: World;

  constructor(options: Partial<WorldOptions> = {}) {
    this.world = new World({ seed: 1, protocol: trueProtocol, nodes: 3, weather: calm, comparesHash: true, sleepy: 0, ...options });
    for (const node of this.world.nodes) node.start();
    this.run(3000);
  }

  run(milliseconds: number): void {
    this.world.scheduler.runUntil(this.world.scheduler.now + milliseconds);
  }

  get primary(): SimNode {
    const primary = this.world.primary();
    assert.ok(primary !== undefined, `there is a primary\n${this.world.transcript.join('\n')}`);
    return primary;
  }

  get followers(): readonly SimNode[] {
    const { primary } = this;
    return this.world.nodes.filter((node) => node !== primary && node.up);
  }

  /** Cuts the node off from peers, log and tenure store, in both directions. */
  isolate(node: SimNode, milliseconds: number): void {
    const { network, names } = this.world;
    for (const other of [...names, 'log', 'tenure']) {
      network.cut(node.name, other, milliseconds);
      network.cut(other, node.name, milliseconds);
    }
  }

  /** Begins a change; `answer` is filled in when it comes. */
  begin(node: SimNode, change: Change, id: string): { result: CommandResult | undefined; at: number } {
    const answer: { result: CommandResult | undefined; at: number } = { result: undefined, at: Infinity };
    node.submit({ change, id, units: 0 }, (result) => {
      answer.result = result;
      answer.at = this.world.scheduler.now;
    });
    return answer;
  }

  change(node: SimNode, change: Change, id: string, within = 1000): CommandResult {
    const answer = this.begin(node, change, id);
    this.run(within);
    assert.ok(answer.result !== undefined, `${change} ${id} on ${node.name} is answered\n${this.world.transcript.join('\n')}`);
    return answer.result;
  }

  /** What a read on the node is answered within the time: undefined where the node holds no permit. */
  read(node: SimNode, id: string, within = 50): LifeState | 'absent' | undefined {
    let seen: LifeState | 'absent' | undefined;
    const until = this.world.scheduler.now + within - 20;
    node.read((objects) => ({ seen: objects.get(id)?.state ?? ('absent' as const), touched: objects.get(id)?.touched ?? 0 }), until, (state) => {
      seen = state;
    });
    this.run(within);
    return seen;
  }

  /** Everything works again: one history, and everyone has it. */
  endsWell(): void {
    healAll(this.world);
    this.run(9000);
    const { log, nodes, violations, transcript } = this.world;
    assert.deepEqual(violations, [], transcript.join('\n'));
    for (const { name, disk } of nodes) assert.equal(`${disk.replicated.sequence} ${disk.replicated.hash}`, `${log.last} ${log.entries.at(-1)?.hash}`, `${name} has the log's history`);
    assert.equal(new Set(nodes.map(({ disk }) => disk.digest)).size, 1, 'all nodes hold the same objects');
    for (const node of nodes) assert.ok(node.cluster?.mayAnswer(), `${node.name} answers reads`);
  }
}
