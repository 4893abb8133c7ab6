/**
 * `kmipd admin-token`: another admin token in place of a lost one, or of one that somebody saw. By the admin port of a node that
 * serves; the right to it is the root key, or else the token as it is.
 */
import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { Fault } from '../fault.ts';
import { hashOfToken, newToken, tokenProof, tokenProofKey } from '../identity/admin-token.ts';
import { makePrivateFolder, writePrivateFile } from '../storage/private-file.ts';
import { presentRootKey } from '../storage/root-key.ts';
import { wipe } from '../secret.ts';
import { adminRequest, openRequest, tokenFileOf, withAdminOptions } from './admin-session.ts';
import type { AdminOptions } from './admin-session.ts';

const route = '/v1/admin-token';
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The proof of who has the root key; undefined where it is not at hand. */
async function proofOf(options: AdminOptions & { cluster?: string }, current: string, next: Uint8Array): Promise<string | undefined> {
  const { KMIPD_ROOT_KEY: environmentKey, KMIPD_ROOT_PASSPHRASE: passphrase } = process.env;
  const rootKey = await presentRootKey({ folder: options.data, storeFolder: path.join(options.data, 'store'), environmentKey, passphrase, cluster: options.cluster });
  if (rootKey === undefined) return undefined;
  const proofKey = tokenProofKey(rootKey.bytes);
  const proof = hexOf(tokenProof(proofKey, Buffer.from(current, 'hex'), next));
  wipe(rootKey.bytes, proofKey);
  return proof;
}

/** Hash of the token as it is. */
async function hashNow(options: AdminOptions): Promise<string> {
  return ((await openRequest(options, 'GET', route)) as { tokenHash: string }).tokenHash;
}

async function replaceToken(options: AdminOptions & { cluster?: string }): Promise<void> {
  const file = tokenFileOf(options);
  const beside = `${file}.new`;
  const token = newToken(randomBytes);
  const next = hashOfToken(token);
  const proof = await proofOf(options, await hashNow(options), next);
  await makePrivateFolder(path.dirname(file));
  // First, and beside: one that was taken and could not be written would be lost, and one that was not taken must not be in the old one's place.
  await writePrivateFile(beside, `${token}\n`);
  try {
    if (proof === undefined) await adminRequest(options, 'PUT', route, { tokenHash: hexOf(next) });
    else await openRequest(options, 'PUT', route, { tokenHash: hexOf(next), proof });
  } catch (cause) {
    const now = await hashNow(options).catch(() => undefined);
    if (now === undefined) throw new Fault('E_OUTCOME_UNKNOWN', `the node did not say whether it took the new token; if it did, that is in ${beside}`, { cause });
    if (now !== hexOf(next)) {
      await rm(beside, { force: true });
      throw cause;
    }
  }
  await rename(beside, file);
  console.log(`the new admin token is in ${file}; the one before is of no use any more`);
}

export function adminTokenCommand(): Command {
  return withAdminOptions(new Command('admin-token').description('make another admin token; the one before is of no use from then on'))
    .option('--cluster <NAME>', 'name of the cluster, where its root key comes from a passphrase (KMIPD_CLUSTER)', process.env['KMIPD_CLUSTER'])
    .addHelpText('after', `
For a token that was lost, or seen by somebody. The node has to be running. Who may: whoever has the root key, as the node has
it (KMIPD_ROOT_KEY, KMIPD_ROOT_PASSPHRASE, or its file DIR/root-key), or else the token as it is. The new one is written to
DIR/bootstrap/admin-token, or to the file of --token; in a cluster it is the token of all nodes.`)
    .action(replaceToken);
}
