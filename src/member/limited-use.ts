/**
 * Uses of keys with Usage Limits, spent at this node out of the share that it was granted (cluster/grants.ts).
 *
 *   message of Encrypts alone ── executed on the store, in which such a key shows this node's share as what is left
 *      ├ within the share, under a permit, all of it stable ──> share spent, answered: no other node hears of it
 *      ├ past the share ──> another grant, by a proposal; then again, or to the primary if there is not enough
 *      └ anything else ──> to the primary
 *
 * Invariant: units are in a share only after they were taken out of the replicated count, and leave it before the answer does; one
 * message at a time, so that none is spent twice. What a node that ends in order has not spent goes back; what a crash loses is
 * lost: a limit is reached early, never late. Attributes show what has not been granted yet.
 */
import { GrantLedger, shareSize } from '../../cluster/grants.ts';
import { readRequest } from '../codec/message.ts';
import { Operation, ResultReason, UsageLimitsUnit } from '../kmip/enums.ts';
import { only } from '../kmip/life-cycle.ts';
import { attributeOf } from '../kmip/managed.ts';
import type { Managed } from '../kmip/managed.ts';
import type { UsageLimits } from '../kmip/objects.ts';
import type { Caller } from '../operations/context.ts';
import type { Answer, EnginePort, ObjectReads } from '../server/engine-port.ts';
import type { Mutation } from '../storage/mutation.ts';

/** Bytes that one use is thought to have where the limit counts bytes, until a use was seen. */
const usualBytes = 4096;
/** A share that lasted less long than this was too small. */
const fastMs = 1_000;
/** Longest wait for one's turn, and for the engine. */
const turnMs = 2_000;
/** Keys whose shares are remembered: the one that was granted longest ago gives its share back to make room. */
const usualSharesMax = 10_000;

export interface LimitedUsePorts {
  /** Made when it is first needed: its nonces have a prefix of their own, which the primary gives. */
  engine(): Promise<EnginePort>;
  /** What is on disk here. */
  store(): ObjectReads;
  callerOf(credential: string): Caller | undefined;
  /** The present unbroken time with a permit. Ask before anything is read. */
  spell(): number;
  /** Whether what was read since was of the newest state; resolves when all of it is stable. */
  isNewest(spell: number): Promise<boolean>;
  members(): number;
  /** Asks for units; resolves with how many were taken out for this node, or undefined where that is not known. */
  grant(scope: string, uniqueIdentifier: string, units: number): Promise<number | undefined>;
  monotonic(): number;
  readonly sharesMax?: number;
}

interface Share {
  readonly scope: string;
  readonly uniqueIdentifier: string;
  size: number;
  grantedAt: number;
}

interface Seen {
  readonly managed: Managed;
  readonly limits: UsageLimits;
}

export class LimitedUse {
  readonly #ports: LimitedUsePorts;
  readonly #ledger = new GrantLedger();
  /** By scope and identifier, granted longest ago first. */
  readonly #shares = new Map<string, Share>();
  #turn: Promise<unknown> = Promise.resolve();
  /** Counts how often the shares were forgotten. */
  #forgotten = 0;
  #closed = false;

  constructor(ports: LimitedUsePorts) {
    this.#ports = ports;
  }

  /** The answer, or undefined where the primary has to give it. */
  answer(message: Uint8Array, credential: string): Promise<Answer | undefined> {
    if (this.#closed || !encryptsOnly(message)) return Promise.resolve(undefined);
    const askedAt = this.#ports.monotonic();
    const answered = this.#turn.then(() => this.#answer(message, credential, askedAt));
    this.#turn = answered.catch(() => undefined);
    return answered;
  }

  async #answer(message: Uint8Array, credential: string, askedAt: number): Promise<Answer | undefined> {
    // Those before it waited for a primary that is missing: it waits there, where there is a limit.
    if (this.#ports.monotonic() - askedAt > turnMs) return undefined;
    const asked = new Set<string>();
    const engine = await within(turnMs, this.#ports.engine());
    if (engine === undefined) return undefined;
    for (;;) {
      const spell = this.#ports.spell();
      const caller = this.#ports.callerOf(credential);
      if (caller === undefined || this.#closed) return undefined;
      const seen = new Map<string, Seen>();
      const executed = await engine.execute(message, caller, true, this.#view(seen));
      if (executed.needsPrimary || seen.size === 0 || !(await this.#ports.isNewest(spell))) return undefined;
      const exceeded = executed.items.some(({ reason }) => reason === ResultReason.UsageLimitExceeded || reason === ResultReason.PermissionDenied);
      if (!exceeded) return this.#spend(executed.mutations, seen) ? { response: executed.response, items: executed.items, version: executed.version } : undefined;
      const next = [...seen].find(([key]) => !asked.has(key));
      if (next === undefined) return undefined;
      asked.add(next[0]);
      if (!(await this.#enlarge(next[0], next[1], message.length, executed.items.length))) return undefined;
    }
  }

  /** The store, in which keys with limits have this node's share left. */
  #view(seen: Map<string, Seen>): ObjectReads {
    const store = this.#ports.store();
    const shown = (managed: Managed | undefined): Managed | undefined => {
      const limits = managed && attributeOf(managed, 'UsageLimits');
      if (managed === undefined || limits === undefined) return managed;
      const key = keyOf(managed);
      seen.set(key, { managed, limits });
      const { name, instances } = only('UsageLimits', { ...limits, usageLimitsCount: BigInt(this.#ledger.available(key)) });
      return { ...managed, attributes: new Map(managed.attributes).set(name, instances) };
    };
    return {
      fetch: (scope, identifier) => shown(store.fetch(scope, identifier)),
      glance: (scope, identifier) => shown(store.glance(scope, identifier)),
      candidates: (...parts) => store.candidates(...parts),
    };
  }

  /** Takes what the mutations took out of the shares. False, and nothing taken, where they do anything else. */
  #spend(mutations: readonly Mutation[], seen: ReadonlyMap<string, Seen>): boolean {
    const left = new Map<string, number>();
    for (const mutation of mutations) {
      if (mutation.kind !== 'attributes-changed') return false;
      const key = `${mutation.scope}\0${mutation.uniqueIdentifier}`;
      const [change, ...more] = mutation.changes;
      const limits = change?.instances[0]?.value as UsageLimits | undefined;
      if (more.length > 0 || change?.name !== 'UsageLimits' || limits?.usageLimitsCount === undefined || !seen.has(key)) return false;
      left.set(key, Number(limits.usageLimitsCount));
    }
    for (const [key, units] of left) if (units > this.#ledger.available(key)) return false;
    for (const [key, units] of left) this.#ledger.spend(key, this.#ledger.available(key) - units);
    return true;
  }

  async #enlarge(key: string, { managed: { scope, uniqueIdentifier }, limits }: Seen, messageBytes: number, items: number): Promise<boolean> {
    const { grant, members, monotonic, sharesMax = usualSharesMax } = this.#ports;
    const left = Number(limits.usageLimitsCount ?? limits.usageLimitsTotal);
    if (left === 0) return false;
    const isBytes = limits.usageLimitsUnit === UsageLimitsUnit.Byte;
    // Refused for another reason than its share: that is for the primary to say.
    if (this.#ledger.available(key) >= (isBytes ? messageBytes : items)) return false;
    const unit = isBytes ? Math.max(usualBytes, messageBytes) : items;
    const known = this.#shares.get(key);
    const now = monotonic();
    const size = shareSize(Math.floor(left / unit), members(), known?.size ?? 1, known !== undefined && now - known.grantedAt < fastMs);
    this.#shares.delete(key);
    this.#shares.set(key, { scope, uniqueIdentifier, size, grantedAt: now });
    if (this.#shares.size > sharesMax) await this.#giveBack(this.#shares.keys().next().value!);
    const forgotten = this.#forgotten;
    const units = await grant(scope, uniqueIdentifier, Math.min(left, size * unit));
    if (units === undefined || units === 0 || forgotten !== this.#forgotten) return false;
    this.#ledger.add(key, units);
    return true;
  }

  async #giveBack(key: string): Promise<void> {
    const share = this.#shares.get(key);
    const units = this.#ledger.available(key);
    this.#ledger.drop(key);
    this.#shares.delete(key);
    if (share !== undefined && units > 0) await this.#ports.grant(share.scope, share.uniqueIdentifier, -units);
  }

  /** The node's store was made anew: the grants may stand in a history that is none any more. */
  forget(): void {
    this.#forgotten += 1;
    for (const key of this.#shares.keys()) this.#ledger.drop(key);
    this.#shares.clear();
  }

  /** Gives all shares back and spends nothing any more. */
  async close(): Promise<void> {
    await this.#turn;
    this.#closed = true;
    await Promise.all([...this.#shares.keys()].map((key) => this.#giveBack(key)));
  }
}

/** What the work gives, or undefined when the time is over. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const result = await Promise.race([work, new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), milliseconds); })]);
  clearTimeout(timer);
  return result;
}

function keyOf({ scope, uniqueIdentifier }: Managed): string {
  return `${scope}\0${uniqueIdentifier}`;
}

function encryptsOnly(message: Uint8Array): boolean {
  try {
    return readRequest(message).items.every(({ operation }) => operation === Operation.Encrypt || operation === Operation.Decrypt);
  } catch {
    return false;
  }
}

/** What a grant, or units that come back, do to the object: planned at the primary. */
export function planGrant(managed: Managed | undefined, units: number): { readonly granted: number; readonly mutations: readonly Mutation[] } {
  const limits = managed && attributeOf(managed, 'UsageLimits');
  if (managed === undefined || limits === undefined) return { granted: 0, mutations: [] };
  const left = limits.usageLimitsCount ?? limits.usageLimitsTotal;
  const wanted = BigInt(units);
  const taken = wanted > left ? left : wanted < left - limits.usageLimitsTotal ? left - limits.usageLimitsTotal : wanted;
  if (taken === 0n) return { granted: 0, mutations: [] };
  const { scope, uniqueIdentifier } = managed;
  return { granted: Number(taken), mutations: [{ kind: 'attributes-changed', scope, uniqueIdentifier, changes: [only('UsageLimits', { ...limits, usageLimitsCount: left - taken })] }] };
}
