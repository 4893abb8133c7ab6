/**
 * What becomes of proposals that were answered: results are kept in memory up to a number of bytes, ids until they expire, and of
 * what expired the highest number of each process.
 *
 * Ids are `<process>#<number>`, numbered in the order in which the process made them. Invariant: a proposal whose number is not above
 * the highest expired one of its process is never planned. Its forwarder gave up long before anything planned later could expire, so
 * whoever still brings it is a network that was asleep, or somebody who recorded it.
 * Dropping a result early is each node's own affair: who asks for it is not answered, and gives up.
 */
import type { ProposalRecord } from './replicated.ts';

/** Process starts remembered; those heard of longest ago go first. */
export const processesMax = 1024;

/** Highest expired number of each process, the one that expired last at the end. */
export type Expired = Map<string, number>;

function partsOf(proposal: string): { readonly process: string; readonly number: number } {
  const at = proposal.lastIndexOf('#');
  return { process: proposal.slice(0, at), number: Number(proposal.slice(at + 1)) };
}

/** Notes that the proposal expired. Returns its process, and the one that had to make room, if any. */
export function noteExpired(expired: Expired, proposal: string): { readonly process: string; readonly forgotten: string | undefined } {
  const { process, number } = partsOf(proposal);
  const highest = Math.max(number, expired.get(process) ?? 0);
  expired.delete(process);
  expired.set(process, highest);
  if (expired.size <= processesMax) return { process, forgotten: undefined };
  const [forgotten] = expired.keys();
  expired.delete(forgotten!);
  return { process, forgotten };
}

export function isExpired(expired: Expired, proposal: string): boolean {
  const { process, number } = partsOf(proposal);
  return number <= (expired.get(process) ?? 0);
}

/** Results in memory, oldest first. */
export class KeptResults {
  readonly #bytesMax: number;
  #kept: { readonly proposal: string; readonly bytes: number }[] = [];
  #first = 0;
  #bytes = 0;

  constructor(bytesMax: number, proposals: ReadonlyMap<string, ProposalRecord>) {
    this.#bytesMax = bytesMax;
    for (const [proposal, { result }] of proposals) this.#add(proposal, result);
    this.trim(proposals);
  }

  #add(proposal: string, result: Uint8Array | undefined): void {
    if (result === undefined) return;
    this.#kept.push({ proposal, bytes: result.length });
    this.#bytes += result.length;
  }

  /** Takes the results of an entry in, and drops the oldest beyond the bytes, and those whose proposals expired. */
  take(works: readonly { readonly proposal: string; readonly result: Uint8Array }[], proposals: ReadonlyMap<string, ProposalRecord>): void {
    for (const { proposal, result } of works) this.#add(proposal, result);
    this.trim(proposals);
  }

  trim(proposals: ReadonlyMap<string, ProposalRecord>): void {
    for (let oldest = this.#kept[this.#first]; oldest !== undefined; oldest = this.#kept[this.#first]) {
      const record = proposals.get(oldest.proposal);
      if (record !== undefined && this.#bytes <= this.#bytesMax) break;
      if (record !== undefined) record.result = undefined;
      this.#bytes -= oldest.bytes;
      this.#first += 1;
    }
    if (this.#first > 1024 && this.#first * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
  }
}
