/**
 * Another admin token in place of a lost or known one:
 *
 *   GET /v1/admin-token    { tokenHash }            for anyone: what a proof is about; a hash of 256 random bits tells nothing
 *   PUT /v1/admin-token    { tokenHash, proof? }    by the token as it is, or by a proof of the root key (identity/admin-token.ts)
 *
 * Invariant: between the look at the token and the commit nothing is awaited, so that of two replacements at once the second fails.
 */
import { Buffer } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { Fault } from '../fault.ts';
import { adminTokenSetting, tokenProof } from '../identity/admin-token.ts';
import type { Log } from '../log.ts';
import { secretsEqual } from '../secret.ts';
import type { Mutation } from '../storage/mutation.ts';
import { bearsToken, knownHash } from './admin-token.ts';

export interface TokenRoutePorts {
  readonly adminTokenHash: Uint8Array | undefined;
  /** Secret. */
  readonly tokenProofKey: Uint8Array;
  notReady?(): string | undefined;
  commit(mutations: readonly Mutation[]): Promise<unknown>;
  readonly log: Log;
}

const hex = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;
const schema = { body: { type: 'object', properties: { tokenHash: hex, proof: hex }, required: ['tokenHash'], additionalProperties: false } };

export function tokenRoutes(server: FastifyInstance, ports: TokenRoutePorts): void {
  server.get('/v1/admin-token', (_request, reply) => reply.header('cache-control', 'no-store').send({ tokenHash: Buffer.from(knownHash(ports.adminTokenHash)).toString('hex') }));

  server.put<{ Body: { tokenHash: string; proof?: string } }>('/v1/admin-token', { schema }, async (request, reply) => {
    const reason = ports.notReady?.();
    if (reason !== undefined) throw new Fault('E_NOT_READY', `Ask another node: this one is ${reason}.`, { retryable: true });
    const current = knownHash(ports.adminTokenHash);
    const value = bytesOf(request.body.tokenHash);
    const { proof } = request.body;
    const isProved = proof === undefined ? bearsToken(request, current) : secretsEqual(bytesOf(proof), tokenProof(ports.tokenProofKey, current, value));
    if (!isProved) throw new Fault('E_TOKEN', 'Only the admin token as it is, or the root key of this server, can replace it.');
    await ports.commit([{ kind: 'setting-put', name: adminTokenSetting, value }]);
    ports.log.warn({ by: proof === undefined ? 'token' : 'root key', address: request.ip }, 'The admin token was replaced.');
    return reply.code(204).send();
  });
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
