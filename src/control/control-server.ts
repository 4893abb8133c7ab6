/**
 * The admin HTTP server: health and metrics for anyone who reaches the port, commands for who holds the admin token.
 *
 * Invariants: it listens where it is told (127.0.0.1 unless configured) and runs on the main thread; bodies are bounded and checked
 * against schemas before a handler sees them; every error is `{ code, message }`; internal errors say nothing but a
 * correlation id; neither token nor private key is ever logged. Everything it does comes in through ControlPorts.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import type { FastifyError, FastifyInstance } from 'fastify';
import { Fault } from '../fault.ts';
import type { IdentityPorts } from '../identity/commands.ts';
import type { Log } from '../log.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { ReadStore } from '../storage/store.ts';
import { requireToken } from './admin-token.ts';
import { backupRoutes } from './backup-routes.ts';
import type { HeldPicture } from './backup-routes.ts';
import { statusOf } from './error-status.ts';
import { healthRoutes } from './health-routes.ts';
import type { Health } from './health-routes.ts';
import { identityRoutes } from './identity-routes.ts';
import { tokenRoutes } from './token-routes.ts';

/** Largest body of any command: a role with every permission by name takes 2 KiB. */
const bodyBytesMax = 64 * 1024;
/** A whole request has to be there in this time: no slow client holds a socket of the admin port. */
const requestTimeoutMs = 10_000;
/** Idle connections of a scraper stay for longer than its usual interval of 15 to 60 seconds. */
const keepAliveTimeoutMs = 75_000;
/** Connections at once: health checks, a scraper and people. */
const connectionsMax = 256;

export interface ControlPorts {
  readonly identity: IdentityPorts;
  /** Hash of the admin token (identity/admin-token.ts) as it is now; undefined until the node knows it. */
  readonly adminTokenHash: Uint8Array | undefined;
  /** By which who has the root key proves it. Secret. */
  readonly tokenProofKey: Uint8Array;
  /** Why what this node knows may be out of date; undefined if it is not. Absent on a single node. */
  notReady?(): string | undefined;
  /** Looks at the newest durable state. */
  read<T>(look: (store: ReadStore) => T): Promise<T>;
  /** Commits and lets every worker know before it resolves. Rejects with E_CHANGED_MEANWHILE where another node was faster. */
  commit(mutations: readonly Mutation[]): Promise<unknown>;
  /** Takes a node out of the cluster for good; absent on a single node. */
  readonly removeMember?: ((node: string) => Promise<void>) | undefined;
  backup(): Promise<HeldPicture>;
  liveness(): Health;
  readiness(): Health;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** What `kmipd status` shows; plain JSON without secrets. */
  status(): object | Promise<object>;
  readonly log: Log;
}

export interface ControlServer {
  /** Resolves to the port that it listens on (for port 0: the one that was free). */
  listen(host: string, port: number): Promise<number>;
  /** Takes no more connections, ends idle ones and waits for answers under way. */
  close(): Promise<void>;
}

export function createControlServer(ports: ControlPorts): ControlServer {
  const server = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    // A field that the schema does not know is an error, not dropped; a text is no number.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  });
  server.server.maxConnections = connectionsMax;
  answerErrors(server, ports.log);
  healthRoutes(server, ports);
  tokenRoutes(server, ports);
  void server.register(async (commands) => {
    requireToken(commands, () => ports.adminTokenHash);
    void commands.register(async (identities) => identityRoutes(identities, ports));
    backupRoutes(commands, ports);
    commands.get('/status', () => ports.status());
    commands.delete<{ Params: { node: string } }>('/members/:node', async (request, reply) => {
      if (ports.removeMember === undefined) throw new Fault('E_SINGLE', 'This node belongs to no cluster.');
      await ports.removeMember(request.params.node);
      ports.log.info({ node: request.params.node }, 'Member removed.');
      return reply.code(204).send();
    });
  }, { prefix: '/v1' });
  return {
    listen: async (host, port) => {
      try {
        await server.listen({ host, port });
      } catch (cause) {
        throw new Fault('E_ADMIN_LISTEN', `The admin server cannot listen on ${host} port ${port}.`, { cause });
      }
      return (server.server.address() as AddressInfo).port;
    },
    close: () => server.close(),
  };
}

function answerErrors(server: FastifyInstance, log: Log): void {
  server.setNotFoundHandler((request, reply) => reply.code(404).send({ code: 'E_NOT_FOUND', message: `There is no ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}.` }));
  server.setErrorHandler((error: FastifyError | Fault, _request, reply) => {
    if (error instanceof Fault) {
      const status = statusOf(error.code);
      if (status !== undefined) return reply.code(status).send({ code: error.code, message: error.message });
    } else if (error.validation !== undefined) {
      return reply.code(400).send({ code: 'E_REQUEST', message: error.message });
    } else if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
      return reply.code(error.statusCode).send({ code: 'E_REQUEST', message: error.message });
    }
    const correlation = randomUUID();
    log.error({ correlation, err: error }, 'A request to the admin port failed inside.');
    return reply.code(500).send({ code: 'E_INTERNAL', message: `Something failed inside the server; its log tells more under ${correlation}.` });
  });
}
