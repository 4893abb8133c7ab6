/**
 * What this node's own clients wait for: proposals that are not answered yet, and messages that may still do without one.
 *
 * Invariant: ids are `<process>#<number>` with numbers that only grow (cluster/results.ts rests on that), for a process makes one
 * of these; each proposal is settled once: with its outcome, or with undefined where that is not known.
 */
import { randomUUID } from 'node:crypto';
import { outcomeFrom, proposalBytes } from './proposal.ts';
import type { Outcome, Proposal } from './proposal.ts';

interface Waiting {
  readonly bytes: number;
  settle(outcome: Outcome | undefined): void;
}

export class UnderWay {
  readonly #process = randomUUID();
  readonly #waiting = new Map<string, Waiting>();
  #made = 0;
  #bytes = 0;
  /** Messages that are no proposals yet. */
  #before = 0;

  get count(): number {
    return this.#waiting.size + this.#before;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts a message of so many bytes as long as the work goes on. Many may have to wait for a turn there. */
  async during<T>(bytes: number, work: Promise<T>): Promise<T> {
    this.#before += 1;
    this.#bytes += bytes;
    try {
      return await work;
    } finally {
      this.#before -= 1;
      this.#bytes -= bytes;
    }
  }

  /** `submit` has the protocol ask for it, and is false where there is none. */
  propose(proposal: Proposal, submit: (id: string, payload: Uint8Array) => boolean): Promise<Outcome | undefined> {
    const payload = proposalBytes(proposal);
    this.#made += 1;
    const id = `${this.#process}#${this.#made}`;
    this.#bytes += payload.length;
    return new Promise((resolve) => {
      this.#waiting.set(id, { bytes: payload.length, settle: resolve });
      if (!submit(id, payload)) this.settle(id, undefined);
    });
  }

  settle(proposal: string, result: Uint8Array | undefined): void {
    const waiting = this.#waiting.get(proposal);
    if (waiting === undefined) return;
    this.#waiting.delete(proposal);
    this.#bytes -= waiting.bytes;
    waiting.settle(result === undefined ? undefined : outcomeFrom(result));
  }

  settleAll(): void {
    for (const proposal of [...this.#waiting.keys()]) this.settle(proposal, undefined);
  }
}
