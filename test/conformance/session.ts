/**
 * What a running case knows: bound placeholders, samples and what the server really answered in their place, dates that
 * were sent, objects that the server made and their material.
 *
 * One Session lasts for a chain of cases in one scope. Placeholders are bound per case; a name that the case has not
 * bound falls back to the cases before it in the chain. Rules: reference data README, "Placeholders".
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Value } from '../harness/wire.ts';

/** A value as text that can be compared: bytes as hex, numbers of any kind by their digits. */
export function plainValue(value: Value): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}

/** Names that stand for a new value in each response, so that the latest counts. */
const latestNames = /^\$(ASYNCHRONOUS_|SERVER_)?CORRELATION_VALUE(_\d+)?$|^\$TICKET_VALUE(_\d+)?$/;

/** A name that no response has bound stands for the last real value at its tag. */
const tagOfName: readonly (readonly [pattern: RegExp, tag: string])[] = [
  [/^\$DATA(_\d+)?$/, 'Data'],
  [/^\$IV_COUNTER_NONCE(_\d+)?$/, 'IVCounterNonce'],
  [/^\$MAC_DATA(_\d+)?$/, 'MACData'],
  [/^\$SIGNATURE_DATA(_\d+)?$/, 'SignatureData'],
  [/^\$AUTHENTICATED_ENCRYPTION_TAG(_\d+)?$/, 'AuthenticatedEncryptionTag'],
];

/** Tags whose last real value is kept, because a later request may ask for it under a name of its own. */
export const outputTags: ReadonlySet<string> = new Set(tagOfName.map(([, tag]) => tag));

interface Snapshot {
  readonly bindings: Map<string, Value>;
  readonly samples: Map<string, Value>;
  readonly made: Set<string>;
  readonly materials: Map<string, string>;
  readonly digests: Map<string, string>;
}

export class Session {
  /** Seconds since the epoch when the chain began. */
  readonly startedAt: number;
  private bindings = new Map<string, Value>();
  private inherited = new Map<string, Value>();
  private samples = new Map<string, Value>();
  private made = new Set<string>();
  private materials = new Map<string, string>();
  private digests = new Map<string, string>();
  private readonly lastOutputs = new Map<string, Value>();
  private readonly sentDates = new Map<string, Map<string, bigint[]>>();
  private readonly sentGroups = new Set<string>();
  private readonly clock: () => number;

  constructor(clock: () => number = () => Date.now() / 1000) {
    this.clock = clock;
    this.startedAt = Math.floor(clock());
  }

  now(): number {
    return Math.floor(this.clock());
  }

  /** Begins the next case of the chain: its placeholders start unbound. */
  beginCase(): void {
    for (const [name, value] of this.bindings) this.inherited.set(name, value);
    this.bindings = new Map();
  }

  bound(name: string): Value | undefined {
    return this.bindings.get(name);
  }

  /** Value of a placeholder in a request; throws where nothing stands for it. */
  resolve(name: string): Value {
    const known = this.bindings.get(name) ?? this.inherited.get(name);
    if (known !== undefined) return known;
    const tag = tagOfName.find(([pattern]) => pattern.test(name))?.[1];
    const last = tag === undefined ? undefined : this.lastOutputs.get(tag);
    if (last !== undefined) return last;
    if (/RANDOM/.test(name)) {
      const own = name.includes('SHORT') ? createHash('sha256').update(randomUUID()).digest() : randomUUID();
      this.bindings.set(name, own);
      return own;
    }
    throw new Error(`no response has bound ${name}`);
  }

  /** Binds a placeholder to a value received, or tells why it must not have that value. */
  bind(name: string, value: Value): string | undefined {
    const known = this.bindings.get(name);
    if (known !== undefined && !latestNames.test(name)) {
      return plainValue(known) === plainValue(value) ? undefined : `${name}, which is ${plainValue(known)}`;
    }
    if (/^\$UNIQUE_IDENTIFIER_\d+$/.test(name)) {
      for (const [other, otherValue] of this.bindings) {
        if (/^\$UNIQUE_IDENTIFIER_\d+$/.test(other) && plainValue(otherValue) === plainValue(value)) return `${name}, another object than ${other}`;
      }
    }
    this.bindings.set(name, value);
    return undefined;
  }

  noteOutput(tag: string, value: Value): void {
    this.lastOutputs.set(tag, value);
  }

  /** Notes the value that the server gave where the file has a literal sample. */
  noteSample(tag: string, sample: string, value: Value, identifier?: string): void {
    this.samples.set(`${tag} ${sample}`, value);
    if (identifier !== undefined) this.samples.set(`${tag} ${sample} ${identifier}`, value);
  }

  /** What the server gave, for that object if one is named, where the file has this literal. */
  sample(tag: string, sample: string, identifier?: string): Value | undefined {
    return this.samples.get(identifier === undefined ? `${tag} ${sample}` : `${tag} ${sample} ${identifier}`);
  }

  noteMade(identifier: string): void {
    this.made.add(identifier);
  }

  serverMade(identifier: string | undefined): boolean {
    return identifier !== undefined && this.made.has(identifier);
  }

  /** Remembers an object's raw material; tells what is wrong when it was another before, or its digest does not fit. */
  noteMaterial(identifier: string, material: Uint8Array): string | undefined {
    const hex = Buffer.from(material).toString('hex');
    const before = this.materials.get(identifier);
    if (before !== undefined && before !== hex) return `the material that the same object had before, ${before}`;
    this.materials.set(identifier, hex);
    return this.checkDigest(identifier);
  }

  /** Remembers the SHA-256 digest of an object's raw material; tells what is wrong when it does not fit. */
  noteDigest(identifier: string, digest: Uint8Array): string | undefined {
    this.digests.set(identifier, Buffer.from(digest).toString('hex'));
    return this.checkDigest(identifier);
  }

  private checkDigest(identifier: string): string | undefined {
    const material = this.materials.get(identifier);
    const digest = this.digests.get(identifier);
    if (material === undefined || digest === undefined) return undefined;
    const right = createHash('sha256').update(Buffer.from(material, 'hex')).digest('hex');
    return right === digest ? undefined : `a SHA-256 digest of the object's material: ${right}, the server says ${digest}`;
  }

  noteSentDate(attribute: string, text: string, value: bigint): void {
    const dates = this.sentDates.get(attribute) ?? new Map<string, bigint[]>();
    this.sentDates.set(attribute, dates);
    dates.set(text, [...(dates.get(text) ?? []), value]);
  }

  /** Dates sent for an attribute, all of them or those written as `text`. */
  datesSent(attribute: string, text?: string): readonly bigint[] {
    const dates = this.sentDates.get(attribute);
    if (dates === undefined) return [];
    return text === undefined ? [...dates.values()].flat() : (dates.get(text) ?? []);
  }

  noteSentGroup(group: string): void {
    this.sentGroups.add(group);
  }

  /** Whether a request named this Object Group, or any group at all. */
  groupWasSent(group?: string): boolean {
    return group === undefined ? this.sentGroups.size > 0 : this.sentGroups.has(group);
  }

  save(): Snapshot {
    return {
      bindings: new Map(this.bindings),
      samples: new Map(this.samples),
      made: new Set(this.made),
      materials: new Map(this.materials),
      digests: new Map(this.digests),
    };
  }

  /** Takes back everything noted since `save`, after a comparison that did not hold. */
  restore({ bindings, samples, made, materials, digests }: Snapshot): void {
    Object.assign(this, { bindings: new Map(bindings), samples: new Map(samples), made: new Set(made), materials: new Map(materials), digests: new Map(digests) });
  }
}
