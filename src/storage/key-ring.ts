/**
 * The keys that seal records: the server's, and each scope's, opened when first needed and kept for the thread's life.
 *
 * Invariant: a scope's root key is in the clear only here. `scopeOf` looks the scope's record up through the function that it
 * is given, so that the ring works on a thread that writes (scope just made) and on one that only reads.
 *
 *   server root key ── sealing, index          seal scopes, roles, credentials, settings, lists, nonces, bookkeeping
 *         └ seals ── scope root key ── sealing, index          seal and index the scope's objects
 */
import assert from 'node:assert/strict';
import { deriveKeys, open, rootKeyLength, seal, token } from './envelope.ts';
import type { DerivedKeys, Place } from './envelope.ts';
import type { HmacKey } from './hmac-sha-256.ts';
import { isNameTerm } from './index-terms.ts';
import type { ScopeRecord } from './mutation.ts';
import type { RecordKind } from './record.ts';

/** Blind tokens remembered for common terms (object types, states, algorithms); a token costs an HMAC. Names are not common. */
const tokensKeptMax = 2048;
/** A longer term is rare and its own: not worth keeping. */
const tokenTermMax = 64;

interface ScopeKeys extends DerivedKeys {
  readonly tokens: Tokens;
}

/** Tokens met lately: of two generations, so that terms seen once (names) do not crowd out the ones of every object. */
class Tokens {
  #young = new Map<string, Uint8Array>();
  #old = new Map<string, Uint8Array>();

  of(text: string, indexKey: HmacKey): Uint8Array {
    let found = this.#young.get(text);
    if (found !== undefined) return found;
    found = this.#old.get(text) ?? token(indexKey, text);
    if (text.length > tokenTermMax) return found;
    if (this.#young.size >= tokensKeptMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, found);
    return found;
  }
}

export class KeyRing {
  readonly #server: DerivedKeys;
  readonly #scopes = new Map<string, ScopeKeys>();
  readonly #pathTokens = new Tokens();
  readonly #scopeRecord: (scope: string) => ScopeRecord | undefined;

  constructor(rootKey: Uint8Array, scopeRecord: (scope: string) => ScopeRecord | undefined) {
    this.#server = deriveKeys(rootKey);
    this.#scopeRecord = scopeRecord;
  }

  /** The key that seals records of a kind; `scope` counts for managed objects only. */
  sealing(kind: RecordKind | 'list' | 'check' | 'bookkeeping' | 'content', scope: string): HmacKey {
    return kind === 'managed' ? this.#scopeOf(scope).sealing : this.#server.sealing;
  }

  /** Stands for a scope's or role's name in a path, so that names are not on disk in the clear. */
  pathToken(name: string): Uint8Array {
    return this.#pathTokens.of(name, this.#server.index);
  }

  /** Stands for an index term of a scope in a path. */
  termToken(scope: string, term: string): Uint8Array {
    const keys = this.#scopeOf(scope);
    return isNameTerm(term) ? token(keys.index, term) : keys.tokens.of(term, keys.index);
  }

  /** Knows a scope whose record is about to be written. */
  learn(record: ScopeRecord): void {
    if (this.#scopes.has(record.scope)) return;
    const rootKey = open(this.#server.sealing, scopeRootPlace(record.scope), record.sealedRootKey);
    this.#scopes.set(record.scope, { ...deriveKeys(rootKey), tokens: new Tokens() });
    rootKey.fill(0);
  }

  knows(scope: string): boolean {
    return this.#scopes.has(scope);
  }

  /** Wipes every key; the ring is of no use afterwards. */
  wipe(): void {
    for (const keys of [this.#server, ...this.#scopes.values()]) {
      keys.sealing.wipe();
      keys.index.wipe();
    }
    this.#scopes.clear();
  }

  #scopeOf(scope: string): ScopeKeys {
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    const record = this.#scopeRecord(scope);
    assert(record !== undefined, `scope ${scope} is not there`);
    this.learn(record);
    return this.#scopes.get(scope)!;
  }
}

/** Seals a new scope's root key (secret, 32 bytes) under the server's root key (secret), for its ScopeRecord. */
export function sealScopeRootKey(serverRootKey: Uint8Array, scope: string, scopeRootKey: Uint8Array): Uint8Array {
  assert.equal(scopeRootKey.length, rootKeyLength, 'a root key has 32 bytes');
  const keys = deriveKeys(serverRootKey);
  const sealed = seal(keys.sealing, scopeRootPlace(scope), scopeRootKey);
  keys.sealing.wipe();
  keys.index.wipe();
  return sealed;
}

/** The record as a server with another root key holds it. Both root keys are secret. */
export function resealScopeRootKey(from: Uint8Array, to: Uint8Array, record: ScopeRecord): ScopeRecord {
  const keys = deriveKeys(from);
  const scopeRootKey = open(keys.sealing, scopeRootPlace(record.scope), record.sealedRootKey);
  const sealedRootKey = sealScopeRootKey(to, record.scope, scopeRootKey);
  scopeRootKey.fill(0);
  keys.sealing.wipe();
  keys.index.wipe();
  return { ...record, sealedRootKey };
}

function scopeRootPlace(scope: string): Place {
  return { kind: 'scope-root-key', scope, identifier: '' };
}
