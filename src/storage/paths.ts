/**
 * The layout of LevelDB: which bytes a record stands under. Values are sealed (envelope.ts) unless marked clear.
 *
 *   f                                                 format number, 4 bytes                 clear
 *   k                                                 check record: tells a wrong root key
 *   t                                                 kind of store: `single`, `replica`; none is single  clear
 *   q                                                 sequence of the last write set, 8 bytes    clear
 *   n                                                 next nonce prefix
 *   s | token(scope)                                  scope
 *   r | token(scope) | token(role)                    role
 *   c | fingerprint, text                             credential
 *   v | name of setting                               setting
 *   b | path, text                                    bookkeeping of a replica (bookkeeping.ts)
 *   l | kind | token(scope)                           list of the identifiers of a kind
 *   m | token(scope) | unique identifier              managed object
 *   i | token(scope) | token(term) | ordinal, 8 bytes      index entry → unique identifier       clear
 *   h | token(scope) | token(held term)               holders of a Name (holders.ts)         clear
 *
 * Tokens have 16 bytes. What is in the clear: unique identifiers, fingerprints, our own setting names and
 * bookkeeping paths, the shape of the index.
 */
import { Buffer } from 'node:buffer';
import { tokenLength } from './envelope.ts';
import type { Place } from './envelope.ts';
import type { KeyRing } from './key-ring.ts';
import type { Address, RecordKind } from './record.ts';

export const formatPath = Buffer.from('f');
export const checkPath = Buffer.from('k');
export const kindPath = Buffer.from('t');
export const sequencePath = Buffer.from('q');

const ordinalLength = 8;

export function recordPath(keys: KeyRing, address: Address): Uint8Array {
  const { kind, scope, identifier } = address;
  switch (kind) {
    case 'managed':
      return managedPath(keys.pathToken(scope), identifier);
    case 'scope':
      return Buffer.concat([Buffer.from('s'), keys.pathToken(identifier)]);
    case 'role':
      return Buffer.concat([Buffer.from('r'), keys.pathToken(scope), keys.pathToken(identifier)]);
    case 'credential':
      return Buffer.from(`c${identifier}`, 'utf8');
    case 'setting':
      return Buffer.from(`v${identifier}`, 'utf8');
    case 'nonces':
      return Buffer.from('n');
  }
}

/** Every record's path starts with one of these letters. */
export const recordPrefixes: Readonly<Record<RecordKind, string>> = { credential: 'c', managed: 'm', nonces: 'n', role: 'r', scope: 's', setting: 'v' };

/** The settings; no other path begins with their letter. */
export const settingRange = { gte: Buffer.from(recordPrefixes.setting), lt: Buffer.from(String.fromCharCode(recordPrefixes.setting.charCodeAt(0) + 1)) } as const;

/** `list` is an address with an empty identifier. */
export function listPath(keys: KeyRing, list: Address): Uint8Array {
  return Buffer.concat([Buffer.from('l'), Buffer.from(recordPrefixes[list.kind]), keys.pathToken(list.scope)]);
}

/** Where the list of a kind's identifiers stands, for the envelope. */
export function listPlace(list: Address): Place {
  return { kind: `list of ${list.kind}`, scope: list.scope, identifier: '' };
}

/** The objects of a scope, by unique identifier; a path goes on with it where the range's first one ends. */
export function managedRange(keys: KeyRing, scope: string): { readonly gte: Uint8Array; readonly lte: Uint8Array } {
  const prefix = Buffer.concat([Buffer.from('m'), keys.pathToken(scope)]);
  return { gte: prefix, lte: Buffer.concat([prefix, Buffer.from([0xff])]) };
}

export function bookkeepingPath(path: string): Uint8Array {
  return Buffer.from(`b${path}`, 'utf8');
}

/** The bookkeeping paths that begin so; no UTF-8 text holds the byte that the range ends with. */
export function bookkeepingRange(prefix: string): { readonly gte: Uint8Array; readonly lte: Uint8Array } {
  const first = bookkeepingPath(prefix);
  return { gte: first, lte: Buffer.concat([first, Buffer.from([0xff])]) };
}

export function heldPath(keys: KeyRing, scope: string, heldTerm: string): Uint8Array {
  return termPath('h', keys, scope, heldTerm, 0);
}

export function indexPath(keys: KeyRing, scope: string, term: string, ordinal: number): Uint8Array {
  const path = termPath('i', keys, scope, term, ordinalLength);
  path.writeUInt32BE(Math.floor(ordinal / 2 ** 32), path.length - ordinalLength);
  path.writeUInt32BE(ordinal % 2 ** 32, path.length - ordinalLength / 2);
  return path;
}

/** The entries of one term lie between these two, in creation order. */
export function indexRange(keys: KeyRing, scope: string, term: string): { readonly gte: Uint8Array; readonly lte: Uint8Array } {
  const prefix = indexPrefix(keys, scope, term);
  return { gte: prefix, lte: Buffer.concat([prefix, Buffer.alloc(ordinalLength, 0xff)]) };
}

export function ordinalOfIndexPath(path: Uint8Array): number {
  return Number(new DataView(path.buffer, path.byteOffset, path.byteLength).getBigUint64(path.length - ordinalLength));
}

function indexPrefix(keys: KeyRing, scope: string, term: string): Uint8Array {
  return termPath('i', keys, scope, term, 0);
}

/** Written in one piece: an object has eight paths, and joining parts costs more than what is in them. */
function termPath(letter: string, keys: KeyRing, scope: string, term: string, room: number): Buffer {
  const path = Buffer.allocUnsafe(1 + 2 * tokenLength + room);
  path[0] = letter.charCodeAt(0);
  path.set(keys.pathToken(scope), 1);
  path.set(keys.termToken(scope, term), 1 + tokenLength);
  return path;
}

function managedPath(scopeToken: Uint8Array, identifier: string): Buffer {
  const path = Buffer.allocUnsafe(1 + tokenLength + Buffer.byteLength(identifier, 'utf8'));
  path[0] = recordPrefixes.managed.charCodeAt(0);
  path.set(scopeToken, 1);
  path.write(identifier, 1 + tokenLength, 'utf8');
  return path;
}
