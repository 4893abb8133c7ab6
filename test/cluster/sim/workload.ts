/**
 * Clients behind a balancer: each does one thing after the other on whichever node it is sent to, and writes down what it saw.
 */
import type { Call } from '../checker/history.ts';
import type { World } from './world.ts';
import type { SimNode } from './sim-node.ts';
import type { Change, CommandResult, SimObject } from './state-machine.ts';

const clientTimeoutMs = 3500;
const readTimeoutMs = 1500;
export const usesOfAnObject = 60;

export class Workload {
  readonly history: Call[] = [];
  /** Uses that nodes spent, by object: what Encrypt under Usage Limits was answered for. */
  readonly spent = new Map<string, number>();
  readonly #world: World;
  readonly #ids: string[] = [];
  readonly #until: number;
  readsRefused = 0;
  longestReadGap = 0;

  constructor(world: World, clients: number, until: number) {
    this.#world = world;
    this.#until = until;
    for (let index = 0; index < clients; index += 1) this.#next(`c${index + 1}`);
  }

  #next(client: string): void {
    const { random, scheduler } = this.#world;
    scheduler.after(random.between(2, 90), () => {
      if (scheduler.now >= this.#until) return;
      const node = random.pick(this.#world.nodes);
      if (!node.up) {
        this.#next(client);
        return;
      }
      const what = this.#ids.length === 0 ? 'create' : random.weighted({ create: 9, activate: 14, revoke: 9, destroy: 5, modify: 12, encrypt: 24, get: 8, locate: 4, stream: 6, spend: 9 });
      const id = what === 'create' ? `o${this.#ids.length + 1}` : random.pick(this.#ids.slice(-5));
      const again = (): void => this.#next(client);
      switch (what) {
        case 'create':
          this.#ids.push(id);
          this.command(client, node, what, id, again);
          return;
        case 'activate':
        case 'revoke':
        case 'destroy':
        case 'modify':
          this.command(client, node, what, id, again);
          return;
        case 'locate':
          this.locate(client, node, again);
          return;
        case 'stream':
          this.#stream(client, id, 3, again);
          return;
        case 'spend':
          this.#spend(client, node, id, again);
          return;
        default:
          this.read(client, node, what, id, again);
      }
    });
  }

  command(client: string, node: SimNode, change: Change, id: string, done: (result: CommandResult | undefined) => void): void {
    const { scheduler, random } = this.#world;
    const call = this.#begin(client, node, 'command', change, id, { change, id, units: change === 'grant' ? 7 : usesOfAnObject });
    let over = false;
    const finish = (result: CommandResult | undefined): void => {
      if (over) return;
      over = true;
      if (result !== undefined) this.#answered(call, result);
      done(result);
    };
    scheduler.after(clientTimeoutMs, () => finish(undefined));
    scheduler.after(random.between(0.1, 1), () => {
      if (!node.up) return finish(undefined);
      call.proposal = node.submit(call.command!, (result) => {
        // The answer travels back too; a client that reads it late saw it late.
        scheduler.after(random.between(0.1, 1), () => finish(result));
      });
    });
  }

  read(client: string, node: SimNode, label: string, id: string, done: (result: CommandResult | undefined) => void): void {
    const call = this.#begin(client, node, 'read', label, id, undefined);
    this.#look(node, (objects) => {
      const object = objects.get(id);
      return { seen: seenOf(object), touched: object?.touched ?? 0 };
    }, (result) => {
      if (result === undefined) this.readsRefused += 1;
      else this.#answered(call, result);
      done(result);
    });
  }

  /** Locate sees all objects at one instant: each of them is a read of its own to the checker. */
  locate(client: string, node: SimNode, done: () => void): void {
    const ids = this.#ids.slice(-5);
    const calls = ids.map((id) => this.#begin(client, node, 'read', 'locate', id, undefined));
    this.#look(node, (objects) => {
      const found = ids.map((id) => objects.get(id));
      return { seen: found.map(seenOf), touched: Math.max(0, ...found.map((object) => object?.touched ?? 0)) };
    }, (results) => {
      results?.forEach((result, index) => this.#answered(calls[index]!, result));
      done();
    });
  }

  /** Parts of one stream go to any node, and each part looks at the key's state where it lands. */
  #stream(client: string, id: string, parts: number, done: () => void): void {
    const node = this.#world.random.pick(this.#world.nodes);
    if (parts === 0 || !node.up) return done();
    this.read(client, node, 'stream part', id, (result) => {
      if (result?.state === 'active') this.#stream(client, id, parts - 1, done);
      else done();
    });
  }

  /** Encrypt with a key that has Usage Limits: spends the node's own share, or has the primary grant one first. */
  #spend(client: string, node: SimNode, id: string, done: () => void): void {
    const call = this.#begin(client, node, 'read', 'spend', id, undefined);
    const { incarnation } = node;
    this.#look(node, (objects) => ({ seen: seenOf(objects.get(id)), touched: objects.get(id)?.touched ?? 0 }), (result) => {
      if (result !== undefined) this.#answered(call, result);
      if (result?.state !== 'active') return done();
      if (node.incarnation === incarnation && node.ledger.spend(id, 1)) {
        this.spent.set(id, (this.spent.get(id) ?? 0) + 1);
        return done();
      }
      this.command(client, node, 'grant', id, (grant) => {
        // A grant belongs to the process that asked for it.
        if (grant?.done === true && node.incarnation === incarnation) node.ledger.add(id, grant.units);
        done();
      });
    });
  }

  #look<T>(node: SimNode, look: (objects: ReadonlyMap<string, SimObject>) => { readonly seen: T; readonly touched: number }, done: (seen: T | undefined) => void): void {
    const { scheduler, random } = this.#world;
    let over = false;
    const finish = (seen: T | undefined): void => {
      if (over) return;
      over = true;
      done(seen);
    };
    scheduler.after(clientTimeoutMs, () => finish(undefined));
    scheduler.after(random.between(0.1, 1), () => {
      if (!node.up) return finish(undefined);
      node.whenRunning(() => node.read(look, scheduler.now + readTimeoutMs, (seen) => scheduler.after(random.between(0.1, 1), () => finish(seen))));
    });
  }

  #begin(client: string, node: SimNode, kind: Call['kind'], label: string, id: string, command: Call['command']): Call {
    const call: Call = { client, node: node.name, kind, label, id, command, proposal: '', invokedAt: this.#world.scheduler.now, answeredAt: Infinity, result: undefined };
    this.history.push(call);
    return call;
  }

  #answered(call: Call, result: CommandResult): void {
    call.answeredAt = this.#world.scheduler.now;
    call.result = result;
  }

  get ids(): readonly string[] {
    return this.#ids;
  }
}

function seenOf(object: SimObject | undefined): CommandResult {
  return { done: object !== undefined, revision: object?.revision ?? 0, state: object?.state ?? 'absent', units: 0 };
}
