/**
 * `kmipd encrypt` and `kmipd decrypt`: files of any size through the server, which alone holds the key.
 *
 * By default the output is a sealed file (`client/sealed-file.ts`): AES-GCM segments, nothing released before it is
 * verified. With `--mode` the bare ciphertext of one stream is written, in parts by the multi-part Encrypt, for other tools to read.
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import { OpenStream, SealStream } from '../client/sealed-file.ts';
import type { KmipClient } from '../client/client.ts';
import { Fault } from '../fault.ts';
import { BlockCipherMode, PaddingMethod } from '../kmip/enums.ts';
import { withClient, withKmipOptions } from './kmip-session.ts';
import type { KmipOptions } from './kmip-session.ts';

const modes = {
  ecb: { blockCipherMode: BlockCipherMode.ECB, paddingMethod: PaddingMethod.PKCS5, ivLength: 0 },
  cbc: { blockCipherMode: BlockCipherMode.CBC, paddingMethod: PaddingMethod.PKCS5, ivLength: 16 },
  cfb: { blockCipherMode: BlockCipherMode.CFB, ivLength: 16 },
  ofb: { blockCipherMode: BlockCipherMode.OFB, ivLength: 16 },
  ctr: { blockCipherMode: BlockCipherMode.CTR, ivLength: 16 },
  gcm: { blockCipherMode: BlockCipherMode.GCM, tagLength: 16, ivLength: 12 },
} as const;

type Mode = keyof typeof modes;

interface CipherFlags extends KmipOptions {
  readonly in?: string;
  readonly out?: string;
  readonly mode?: Mode;
  readonly iv?: string;
  readonly tag?: string;
  readonly progress: boolean;
}

/** Files at least this long get a progress bar on a terminal. */
const progressBytes = 8 << 20;

function hex(text: string, what: string, length?: number): Buffer {
  const bytes = Buffer.from(text, 'hex');
  if (bytes.length * 2 !== text.length || (length !== undefined && bytes.length !== length)) throw new Fault('E_CONFIG', `${what}: expected ${length ?? 'some'} bytes in hexadecimal, got ${text.length} characters`);
  return bytes;
}

/** Passes bytes through and shows how far they are. */
function progress(total: number, wanted: boolean): { readonly counter: Transform; stop(): void } {
  const shown = wanted && total >= progressBytes && process.stderr.isTTY;
  const bar = shown ? new SingleBar({ format: '{bar} {percentage}% | {value} of {total} MiB | {eta_formatted} left', stream: process.stderr, hideCursor: true }) : undefined;
  const mebibytes = (bytes: number): number => Math.round(bytes / (1 << 20));
  bar?.start(mebibytes(total), 0);
  let passed = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      passed += chunk.length;
      bar?.update(mebibytes(passed));
      done(undefined, chunk);
    },
  });
  return { counter, stop: () => bar?.stop() };
}

/** Runs the bytes through; a named output file appears only when all of it is there. */
async function through(options: CipherFlags, cipher: Transform): Promise<void> {
  const file = options.in === undefined ? undefined : await open(options.in);
  const source = file?.createReadStream({ highWaterMark: 1 << 18 }) ?? process.stdin;
  const partial = options.out === undefined ? undefined : `${options.out}.partial-${randomBytes(4).toString('hex')}`;
  const target = partial === undefined ? process.stdout : createWriteStream(partial, { mode: 0o600 });
  const { counter, stop } = progress((await file?.stat())?.size ?? 0, options.progress);
  try {
    await pipeline(source, counter, cipher, target, { end: partial !== undefined });
    if (partial !== undefined) await rename(partial, options.out!);
  } catch (error) {
    if (partial !== undefined) await rm(partial, { force: true });
    throw error;
  } finally {
    stop();
  }
}

function streamParameters(mode: Mode): Record<string, number> {
  const { ivLength: _, ...parameters } = modes[mode];
  return parameters;
}

async function encrypt(key: string, options: CipherFlags): Promise<void> {
  await withClient(options, async (client: KmipClient) => {
    if (options.mode === undefined) return through(options, new SealStream(client, key));
    const { ivLength } = modes[options.mode];
    const iv = options.iv === undefined ? randomBytes(ivLength) : hex(options.iv, '--iv', ivLength);
    const cipher = client.encryptStream({ uniqueIdentifier: key, cryptographicParameters: streamParameters(options.mode), ...(ivLength > 0 && { ivCounterNonce: iv }) });
    await through(options, cipher);
    if (ivLength > 0 && options.iv === undefined) process.stderr.write(`iv ${iv.toString('hex')}\n`);
    if (cipher.authenticatedEncryptionTag !== undefined) process.stderr.write(`tag ${Buffer.from(cipher.authenticatedEncryptionTag).toString('hex')}\n`);
  });
}

async function decrypt(key: string | undefined, options: CipherFlags): Promise<void> {
  await withClient(options, async (client: KmipClient) => {
    if (options.mode === undefined) return through(options, new OpenStream(client));
    if (key === undefined) throw new Fault('E_CONFIG', 'with --mode the key has to be named: the bare ciphertext does not tell it');
    const { ivLength } = modes[options.mode];
    if (ivLength > 0 && options.iv === undefined) throw new Fault('E_CONFIG', `--mode ${options.mode} needs --iv, which encrypt printed`);
    if (options.mode === 'gcm' && options.tag === undefined) throw new Fault('E_CONFIG', '--mode gcm needs --tag, which encrypt printed');
    const cipher = client.decryptStream({
      uniqueIdentifier: key,
      cryptographicParameters: streamParameters(options.mode),
      ...(options.iv !== undefined && { ivCounterNonce: hex(options.iv, '--iv', ivLength) }),
      ...(options.tag !== undefined && { authenticatedEncryptionTag: hex(options.tag, '--tag') }),
    });
    await through(options, cipher);
  });
}

function withCipherOptions(command: Command): Command {
  return withKmipOptions(command)
    .option('--in <FILE>', 'what to read; default standard input')
    .option('--out <FILE>', 'where to write; default standard output')
    .addOption(new Option('--mode <MODE>', 'bare ciphertext of this mode, streamed in parts, in place of a sealed file').choices(Object.keys(modes)))
    .option('--iv <HEX>', 'with --mode: the IV, counter or nonce')
    .option('--no-progress', 'no progress bar');
}

export function encryptCommand(): Command {
  return withCipherOptions(new Command('encrypt').argument('<key>', 'identifier of an Active AES key').description('encrypt a file with a key that never leaves the server')).action(encrypt);
}

export function decryptCommand(): Command {
  return withCipherOptions(new Command('decrypt').argument('[key]', 'with --mode: identifier of the key').description('decrypt what kmipd encrypt wrote'))
    .option('--tag <HEX>', 'with --mode gcm: the authentication tag')
    .action(decrypt);
}
