/**
 * Scopes, roles and credentials over HTTP: JSON in, one of identity/commands.ts, JSON out.
 *
 *   GET  /v1/scopes                    POST /v1/scopes                { scope }
 *   GET  /v1/scopes/:scope/roles       POST /v1/scopes/:scope/roles   { role, permissions? }
 *   GET  /v1/credentials[?scope=]      POST /v1/credentials           { scope, role, create?, keyType?, days? }
 *   DELETE /v1/credentials/:fingerprint    revokes
 *
 * Invariant: commands run one at a time from their first look at the state until their commit is handed in, so that two
 * requests never both find a name free. A private key is in one answer and nowhere else.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Fault } from '../fault.ts';
import { createRole, createScope, generateCredential, listCredentials, presentScope, revokeCredential } from '../identity/commands.ts';
import type { CredentialWish, IdentityPorts, Made } from '../identity/commands.ts';
import type { Log } from '../log.ts';
import type { CredentialRecord, Mutation, RoleRecord, ScopeRecord } from '../storage/mutation.ts';
import type { ReadStore } from '../storage/store.ts';

export interface IdentityRoutePorts {
  readonly identity: IdentityPorts;
  notReady?(): string | undefined;
  read<T>(look: (store: ReadStore) => T): Promise<T>;
  commit(mutations: readonly Mutation[]): Promise<unknown>;
  readonly log: Log;
}

const text = { type: 'string', maxLength: 255 } as const;
const permissionsMax = 256;
/** A command whose ground another node keeps changing is given up. */
const attemptsMax = 5;

function body(properties: Record<string, unknown>, required: readonly string[]): { body: object } {
  return { body: { type: 'object', properties, required, additionalProperties: false } };
}

export function identityRoutes(commands: FastifyInstance, ports: IdentityRoutePorts): void {
  const { log } = ports;
  let turn: Promise<unknown> = Promise.resolve();

  function requireReady(): void {
    const reason = ports.notReady?.();
    if (reason !== undefined) throw new Fault('E_NOT_READY', `Ask another node: this one is ${reason}.`, { retryable: true });
  }
  commands.addHook('preHandler', async () => requireReady());

  /** Runs a command, and again where another node changed what it had looked at. */
  async function perform<M extends Made<unknown>>(command: (identity: IdentityPorts) => M | Promise<M>): Promise<M> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await performOnce(() => command(ports.identity));
      } catch (error) {
        if (!(error instanceof Fault && error.code === 'E_CHANGED_MEANWHILE') || attempt === attemptsMax) throw error;
      }
    }
  }

  /** Runs a command in its turn and resolves when what it decided is durable. */
  async function performOnce<M extends Made<unknown>>(command: () => M | Promise<M>): Promise<M> {
    let committed: Promise<unknown> = Promise.resolve();
    const planned = turn.then(command).then((made) => {
      if (made.mutations.length > 0) committed = ports.commit(made.mutations);
      return made;
    });
    turn = planned.catch(() => undefined);
    const made = await planned;
    await committed;
    return made;
  }

  commands.get('/scopes', () => ports.read((store) => ({ scopes: store.scopes().map(shownScope) })));

  commands.post<{ Body: { scope: string } }>('/scopes', { schema: body({ scope: text }, ['scope']) }, async (request, reply) => {
    const { record } = await perform((identity) => createScope(identity, request.body.scope));
    log.info({ scope: record.scope }, 'Scope made.');
    return reply.code(201).send(shownScope(record));
  });

  commands.get<{ Params: { scope: string } }>('/scopes/:scope', (request) => ports.read((store) => shownScope(presentScope({ store }, request.params.scope))));

  commands.get<{ Params: { scope: string } }>('/scopes/:scope/roles', (request) => ports.read((store) => {
    const { scope } = presentScope({ store }, request.params.scope);
    return { roles: store.roles(scope).map(shownRole) };
  }));

  commands.post<{ Params: { scope: string }; Body: { role: string; permissions?: string[] } }>(
    '/scopes/:scope/roles',
    { schema: body({ role: text, permissions: { type: 'array', items: text, maxItems: permissionsMax } }, ['role']) },
    async (request, reply) => {
      const { record } = await perform((identity) => createRole(identity, request.params.scope, request.body.role, request.body.permissions));
      log.info({ scope: record.scope, role: record.role, permissions: record.permissions }, 'Role made.');
      return reply.code(201).send(shownRole(record));
    },
  );

  commands.get<{ Querystring: { scope?: string } }>(
    '/credentials',
    { schema: { querystring: { type: 'object', properties: { scope: text }, additionalProperties: false } } },
    (request) => ports.read((store) => ({ credentials: listCredentials({ store }, request.query.scope).map(shownCredential) })),
  );

  commands.post<{ Body: CredentialWish }>(
    '/credentials',
    { schema: body({ scope: text, role: text, create: { type: 'boolean' }, keyType: { enum: ['ec', 'rsa'] }, days: { type: 'integer' } }, ['scope', 'role']) },
    async (request, reply) => {
      const { record, pair } = await perform((identity) => generateCredential(identity, request.body));
      log.info({ scope: record.scope, role: record.role, fingerprint: record.fingerprint }, 'Credential made.');
      return privately(reply.code(201), { ...shownCredential(record), certificate: pair.certificate, privateKey: pair.privateKey, ca: ports.identity.authority.certificate });
    },
  );

  commands.delete<{ Params: { fingerprint: string } }>('/credentials/:fingerprint', async (request) => {
    const { record } = await perform((identity) => revokeCredential(identity, request.params.fingerprint));
    log.info({ scope: record.scope, role: record.role, fingerprint: record.fingerprint }, 'Credential revoked.');
    return shownCredential(record);
  });
}

function privately(reply: FastifyReply, answer: object): FastifyReply {
  return reply.header('cache-control', 'no-store').send(answer);
}

function shownScope({ scope, createdAt }: ScopeRecord): object {
  return { scope, createdAt };
}

function shownRole({ scope, role, permissions, createdAt }: RoleRecord): object {
  return { scope, role, permissions, createdAt };
}

function shownCredential(record: CredentialRecord): object {
  const { fingerprint, scope, role, serialNumber, subject, notAfter, createdAt, revokedAt } = record;
  return { fingerprint, scope, role, serialNumber, subject, notAfter, createdAt, revokedAt: revokedAt ?? null };
}
