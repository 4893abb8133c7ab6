/**
 * A node of a test as far as the NATS adapters see one: it opens them, writes down every event and waits for those it wants.
 */
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyHash, hashOf } from '../../../cluster/entry.ts';
import type { Entry, Logged } from '../../../cluster/entry.ts';
import type { ClusterEvent, Head } from '../../../cluster/ports.ts';
import { openNats } from '../../../cluster/nats/adapters.ts';
import type { NatsAdapters } from '../../../cluster/nats/adapters.ts';
import type { NatsOptions } from '../../../cluster/nats/options.ts';
import type { Fault } from '../../../src/fault.ts';
import { encode } from '../../../src/storage/cbor.ts';

export const clusterKey: KeyObject = createSecretKey(Buffer.alloc(32, 7));

export type EventOf<Kind extends ClusterEvent['kind']> = Extract<ClusterEvent, { kind: Kind }>;

export class Witness implements AsyncDisposable {
  readonly events: ClusterEvent[] = [];
  readonly faults: Fault[] = [];
  readonly connections: boolean[] = [];
  nats!: NatsAdapters;

  static async open(servers: readonly string[], options: Partial<NatsOptions> = {}): Promise<Witness> {
    const witness = new Witness();
    const signal = AbortSignal.timeout(20_000);
    const opening = openNats(
      { servers, cluster: 'test', node: 'n1', key: clusterKey, replicas: 1, tenureRecordMs: 1500, ...options },
      (event) => witness.events.push(event),
      { connected: (connected) => witness.connections.push(connected), fault: (fault) => witness.faults.push(fault) },
      signal,
    );
    witness.nats = await opening.catch((error: unknown) => {
      throw signal.aborted ? new Error(`NATS cannot be opened: ${witness.faults.map(({ message }) => message).join('; ')}`) : error;
    });
    return witness;
  }

  all<Kind extends ClusterEvent['kind']>(kind: Kind): EventOf<Kind>[] {
    return this.events.filter((event): event is EventOf<Kind> => event.kind === kind);
  }

  /** The first event of the kind from the `after`th event on that fits. */
  async next<Kind extends ClusterEvent['kind']>(kind: Kind, fits: (event: EventOf<Kind>) => boolean = () => true, after = 0, waitMs = 8000): Promise<EventOf<Kind>> {
    const until = performance.now() + waitMs;
    for (;;) {
      const found = this.events.slice(after).find((event): event is EventOf<Kind> => event.kind === kind && fits(event as EventOf<Kind>));
      if (found !== undefined) return found;
      assert.ok(performance.now() < until, `no ${kind} within ${waitMs} ms; faults: ${this.faults.map(({ message }) => message).join('; ')}`);
      await sleep(1);
    }
  }

  /** What one request leads to: the next event of one of the kinds. Asks again as the protocol does, when nothing comes. */
  async ask<Kind extends ClusterEvent['kind']>(request: () => void, ...kinds: Kind[]): Promise<EventOf<Kind>> {
    const after = this.events.length;
    for (let attempt = 0; attempt < 40; attempt += 1) {
      request();
      const until = performance.now() + 500;
      while (performance.now() < until) {
        const found = this.events.slice(after).find((event): event is EventOf<Kind> => (kinds as string[]).includes(event.kind));
        if (found !== undefined) return found;
        await sleep(1);
      }
    }
    throw assert.fail(`no ${kinds.join(', ')}; faults: ${this.faults.map(({ message }) => message).join('; ')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nats.close();
  }
}

export const empty: Head = { sequence: 0, hash: emptyHash };

export function headOf({ entry, hash }: Logged): Head {
  return { sequence: entry.sequence, hash };
}

/** An entry after the head as far as the log looks at one; `text` makes it differ from others at the same place. */
export function entryAfter(head: Head, text = ''): Logged {
  const entry = { sequence: head.sequence + 1, previous: head.hash };
  const bytes = encode({ ...entry, proposal: text });
  return { entry: entry as Entry, bytes, hash: hashOf(bytes) };
}

export function chain(count: number, from: Head = empty, text = ''): Logged[] {
  const entries: Logged[] = [];
  for (let head = from; entries.length < count; head = headOf(entries.at(-1)!)) entries.push(entryAfter(head, text));
  return entries;
}

export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)]!;
}
