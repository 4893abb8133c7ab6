/**
 * An entry of the log: its form, its hash, and the fence that it was written under.
 *
 *   place in the log   n-1                n                  n+1
 *                      +--------------+   +--------------+   +--------------+
 *                      | fence (7,a)  |   | fence (8,b)  |   | fence (8,b)  |
 *                      | previous  ...|<--| previous     |<--| previous     |      previous = SHA-256 of the entry's bytes
 *                      | works ...    |   | tenure       |   | works ...    |
 *                      +--------------+   +--------------+   +--------------+
 *
 * Invariant: an entry holds everything that was decided (mutations, results, elapsed time), so that applying it is the same
 * on every node. Mutations and results are opaque bytes, sealed by whoever planned them: the log sees no plaintext.
 * The format number is the first thing read; an unknown one is a Fault, since an older program must not guess.
 */
import { createHash } from 'node:crypto';
import { decode, encode } from '../src/storage/cbor.ts';
import { Fault } from '../src/fault.ts';

export const entryFormat = 1;

/** A tenure's number in the history: larger than every one before it; the node breaks a tie of two claims. */
export interface Fence {
  readonly counter: number;
  readonly node: string;
}

export const noFence: Fence = { counter: 0, node: '' };

/** Negative, zero or positive as `left` is older than, equal to or newer than `right`. */
export function compareFences(left: Fence, right: Fence): number {
  if (left.counter !== right.counter) return left.counter - right.counter;
  return left.node === right.node ? 0 : left.node < right.node ? -1 : 1;
}

/** One proposal as it was planned: what changes, and what its forwarder is answered. */
export interface Work {
  readonly proposal: string;
  readonly mutations: Uint8Array;
  readonly result: Uint8Array;
}

export interface Entry {
  readonly format: number;
  readonly sequence: number;
  /** Hash of the last valid entry before this one, hex; of nothing: `emptyHash`. */
  readonly previous: string;
  readonly fence: Fence;
  /** `tenure` opens a tenure, `roster` adds and removes members, `work` carries proposals. */
  readonly kind: 'tenure' | 'roster' | 'work';
  /** Every entry up to this one was stable when this one was written. */
  readonly stable: number;
  /** Milliseconds since the entry before it, on the primary's monotonic clock: never more than truly went by. */
  readonly elapsedMs: number;
  /** The claim that a tenure entry stands for; empty in others. */
  readonly claim: string;
  /** How long this tenure and its permits last without word. Whoever comes next outlasts them. */
  readonly tenureMs: number;
  readonly permitMs: number;
  /** Who becomes a member, and who is none any more. Changes to the roster, not rosters: entries under way cannot undo each other. */
  readonly joined: readonly string[];
  readonly left: readonly string[];
  readonly works: readonly Work[];
}

/** An entry with its bytes and their hash, as the log holds it. */
export interface Logged {
  readonly entry: Entry;
  readonly bytes: Uint8Array;
  readonly hash: string;
}

export const emptyHash = '0'.repeat(64);

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Takes only what the form has, in its order: equal entries are equal bytes. */
export function seal(entry: Omit<Entry, 'format' | 'left' | 'tenureMs' | 'permitMs'> & Partial<Entry>): Logged {
  const { sequence, previous, fence, kind, stable, elapsedMs, claim, tenureMs = 0, permitMs = 0, joined, left = [], works } = entry;
  const whole: Entry = {
    format: entryFormat,
    sequence,
    previous,
    fence: { counter: fence.counter, node: fence.node },
    kind,
    stable,
    elapsedMs,
    claim,
    tenureMs,
    permitMs,
    joined: [...joined],
    left: [...left],
    works: works.map(({ proposal, mutations, result }) => ({ proposal, mutations, result })),
  };
  const bytes = encode(whole);
  return { entry: whole, bytes, hash: hashOf(bytes) };
}

/** Opens bytes of the log. Damage and foreign formats are Faults. */
export function open(bytes: Uint8Array): Logged {
  const entry = decode(bytes) as Entry;
  if (entry.format !== entryFormat) {
    throw new Fault('E_LOG_FORMAT', `The replicated log has an entry of format ${String(entry.format)}; this program knows ${entryFormat}. Upgrade this node.`);
  }
  return { entry, bytes, hash: hashOf(bytes) };
}
