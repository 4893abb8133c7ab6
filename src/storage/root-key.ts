/**
 * Where the server's root key comes from: the environment, a passphrase, or a file in the data folder.
 *
 * | source      | given by                         | kept where                                     |
 * | environment | KMIPD_ROOT_KEY, hex or base64         | outside, by whoever starts the server              |
 * | passphrase  | KMIPD_ROOT_PASSPHRASE            | in heads; DIR/root-salt holds the salt (not secret); in a cluster its name is the salt |
 * | file        | nothing: made at the first start      | DIR/root-key, 32 bytes, mode 0600                  |
 *
 * Invariants: a key is never guessed or padded: wrong length or form is a Fault; a new key or salt is never made beside a store
 * that has one already, since it could not open it. The store itself tells a wrong key (level-format.ts).
 */
import { Buffer } from 'node:buffer';
import { createHash, randomBytes, scrypt } from 'node:crypto';
import { access, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import { secretsEqual } from '../secret.ts';
import { rootKeyLength } from './envelope.ts';
import { makePrivateFile, makePrivateFolder } from './private-file.ts';

/** RFC 7914, 128 MiB and a few hundred milliseconds: OWASP's first choice (N 2^17, r 8, p 1). Fixed: the salt's store depends on it. */
const scryptCost = { N: 2 ** 17, r: 8, p: 1, maxmem: 192 * 1024 * 1024 };
/** Shorter ones fall to guessing whatever scrypt costs. */
export const passphraseLengthMin = 12;
const saltLength = 32;
const keyFile = 'root-key';
const saltFile = 'root-salt';

export interface RootKeySources {
  /** Data folder of the node. */
  readonly folder: string;
  /** Folder of the store (under the data folder or not); if it is there, the key has to be there too. */
  readonly storeFolder: string;
  readonly environmentKey?: string | undefined;
  readonly passphrase?: string | undefined;
  /** Name of the cluster, whose nodes all make the same key of a passphrase. */
  readonly cluster?: string | undefined;
}

export interface RootKey {
  /** Secret. */
  readonly bytes: Uint8Array;
  readonly origin: 'environment' | 'passphrase' | 'file';
  /** True when this start made it. */
  readonly made: boolean;
  /** What a passphrase was stretched with. Not secret; a backup takes it along. */
  readonly passphraseSalt?: Uint8Array;
}

export async function loadRootKey(sources: RootKeySources): Promise<RootKey> {
  const { folder, environmentKey, passphrase } = sources;
  if (environmentKey !== undefined && passphrase !== undefined) {
    throw new Fault('E_ROOT_KEY_SOURCE', 'Both KMIPD_ROOT_KEY and KMIPD_ROOT_PASSPHRASE are set; only one can give the root key.');
  }
  if (environmentKey !== undefined) return { bytes: parsedKey(environmentKey), origin: 'environment', made: false };
  await makePrivateFolder(folder);
  if (passphrase !== undefined) {
    checkPassphrase(passphrase);
    const { bytes: salt, made } = sources.cluster !== undefined ? { bytes: clusterSalt(sources.cluster), made: false } : await kept(join(folder, saltFile), saltLength, sources);
    return { bytes: await stretched(passphrase, salt), origin: 'passphrase', made, passphraseSalt: salt };
  }
  return { ...(await kept(join(folder, keyFile), rootKeyLength, sources)), origin: 'file' };
}

/** The root key that opens a backup, from the same sources, and never a new one. `passphraseSalt` is the backup's, if it has one. */
export async function findRootKey(sources: RootKeySources, passphraseSalt: Uint8Array | undefined): Promise<Uint8Array> {
  const { folder, environmentKey, passphrase } = sources;
  const file = join(folder, passphrase === undefined ? keyFile : saltFile);
  if (environmentKey !== undefined || (passphrase === undefined && (await exists(file)))) return (await loadRootKey(sources)).bytes;
  if (passphrase === undefined) throw new Fault('E_ROOT_KEY_MISSING', `A backup opens with the root key of the server that made it: copy that to ${file} (mode 600), or set KMIPD_ROOT_KEY or KMIPD_ROOT_PASSPHRASE as that server has it.`);
  checkPassphrase(passphrase);
  const salt = passphraseSalt ?? (await readKept(file, saltLength));
  if (salt === undefined) throw new Fault('E_ROOT_KEY_SOURCE', 'The backup was made by a server whose root key does not come from a passphrase: set KMIPD_ROOT_KEY or give its file in place of KMIPD_ROOT_PASSPHRASE.');
  return stretched(passphrase, salt);
}

/** The root key of a server that has one, from the same sources; undefined where nothing gives it. Never a new one. */
export async function presentRootKey(sources: RootKeySources): Promise<RootKey | undefined> {
  const { folder, environmentKey, passphrase, cluster } = sources;
  const file = passphrase === undefined ? keyFile : cluster === undefined ? saltFile : undefined;
  if (environmentKey === undefined && file !== undefined && !(await exists(join(folder, file)))) return undefined;
  return loadRootKey(sources);
}

/** The folder's server will make the same key of a passphrase as the backup's did. Resolves with what takes that back. */
export async function keepPassphraseSalt(folder: string, salt: Uint8Array): Promise<() => Promise<void>> {
  const file = join(folder, saltFile);
  const own = await readKept(file, saltLength);
  if (own === undefined) {
    await makePrivateFolder(folder);
    await makePrivateFile(file, salt);
    return () => rm(file, { force: true });
  }
  if (!secretsEqual(own, salt)) throw new Fault('E_ROOT_KEY_SOURCE', `${file} is not of the server that made the backup; take it away.`);
  return async () => undefined;
}

function checkPassphrase(passphrase: string): void {
  if (passphrase.length >= passphraseLengthMin) return;
  throw new Fault('E_ROOT_KEY_SOURCE', `KMIPD_ROOT_PASSPHRASE has ${passphrase.length} characters; at least ${passphraseLengthMin} are needed.`);
}

function clusterSalt(cluster: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`kmipd cluster ${cluster}`).digest());
}

/** KMIPD_ROOT_KEY's 32 bytes: 64 hex digits, or base64 (either alphabet). */
function parsedKey(text: string): Uint8Array {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return new Uint8Array(Buffer.from(trimmed, 'hex'));
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return new Uint8Array(Buffer.from(trimmed, 'base64'));
  throw new Fault('E_ROOT_KEY_SOURCE', `KMIPD_ROOT_KEY has to be 32 bytes as 64 hex digits or as base64; it has ${trimmed.length} characters.`);
}

function stretched(passphrase: string, salt: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, rootKeyLength, scryptCost, (error, key) => (error === null ? resolve(new Uint8Array(key)) : reject(error)));
  });
}

/** Reads the file, or makes it with random bytes at the very first start. */
async function kept(path: string, length: number, sources: RootKeySources): Promise<{ bytes: Uint8Array; made: boolean }> {
  const known = await readKept(path, length);
  if (known !== undefined) return { bytes: known, made: false };
  if (await exists(sources.storeFolder)) {
    throw new Fault('E_ROOT_KEY_MISSING', `There is a store in ${sources.storeFolder}, but ${path} is missing; put it back, or set KMIPD_ROOT_KEY or KMIPD_ROOT_PASSPHRASE as it was.`);
  }
  const bytes = new Uint8Array(randomBytes(length));
  const made = await makePrivateFile(path, bytes);
  // Another process made it in the meantime: then its bytes count (and the store's lock tells the two apart).
  return made ? { bytes, made } : { bytes: (await readKept(path, length)) ?? bytes, made: false };
}

async function readKept(path: string, length: number): Promise<Uint8Array | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Fault('E_ROOT_KEY_FILE', `${path} cannot be read.`, { cause });
  }
  if (bytes.length !== length) throw new Fault('E_ROOT_KEY_FILE', `${path} has ${bytes.length} bytes; expected ${length}.`);
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Fault('E_ROOT_KEY_FILE', `${path} can be read by other users (mode ${(mode & 0o777).toString(8)}); run chmod 600 on it.`);
  }
  const own = new Uint8Array(bytes);
  bytes.fill(0);
  return own;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
