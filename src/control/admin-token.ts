/**
 * The admin token: `Authorization: Bearer TOKEN` (RFC 6750 §2.1) on every command.
 *
 * Invariant: compared by hash in constant time, before the body is read; a missing and a wrong token get the same answer.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Fault } from '../fault.ts';
import { hashOfToken } from '../identity/admin-token.ts';
import { secretsEqual } from '../secret.ts';

/** `adminTokenHash` gives undefined while the node does not know it: before a member has joined its cluster. */
export function requireToken(commands: FastifyInstance, adminTokenHash: () => Uint8Array | undefined): void {
  commands.addHook('onRequest', async (request, reply) => {
    if (bearsToken(request, knownHash(adminTokenHash()))) return;
    void reply.header('www-authenticate', 'Bearer realm="kmipd"');
    throw new Fault('E_TOKEN', 'The admin token is missing or wrong: send Authorization: Bearer with the content of DIR/bootstrap/admin-token. "kmipd admin-token" makes another.');
  });
}

export function knownHash(hash: Uint8Array | undefined): Uint8Array {
  if (hash === undefined) throw new Fault('E_NOT_READY', 'This node has not joined its cluster yet.', { retryable: true });
  return hash;
}

/** Whether the request has the token of this hash. */
export function bearsToken(request: FastifyRequest, hash: Uint8Array): boolean {
  const given = /^Bearer +([A-Za-z0-9._~+/=-]{1,512}) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  return secretsEqual(hashOfToken(given), hash);
}
