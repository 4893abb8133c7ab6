/**
 * What the wiring tells the NATS adapters: where, as whom, for which cluster and node, under which key; and their limits.
 *
 * Invariant: names are checked here once, since they become subjects, streams and buckets: one NATS token, no wildcards.
 * Passwords belong into `login`, never into a URL: URLs are logged.
 */
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { credsAuthenticator, nkeyAuthenticator } from '@nats-io/transport-node';
import type { NodeConnectionOptions } from '@nats-io/transport-node';
import { Fault } from '../../src/fault.ts';

/** Files are read at each connect, so that they can be renewed while the node runs. */
export type NatsLogin =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'nkey'; readonly seedFile: string }
  | { readonly kind: 'credentials'; readonly file: string };

/** PEM texts. Given (also empty): the connection is TLS or does not come about. */
export interface NatsTls {
  /** Who signs the servers' certificates; the system's authorities if absent. */
  readonly authorities?: string;
  readonly certificate?: string;
  readonly key?: string;
}

export interface NatsOptions {
  /** `nats://host:port` or `tls://host:port`, all servers of the NATS cluster. */
  readonly servers: readonly string[];
  readonly cluster: string;
  readonly node: string;
  /** 32 bytes, the same on all nodes of the cluster, and known to nobody else: whoever has it is a node. */
  readonly key: KeyObject;
  /** Copies of log, tenure and snapshots: 1, 3 or 5. */
  readonly replicas: number;
  /** How long the tenure record stays when nobody renews it. */
  readonly tenureRecordMs: number;
  readonly tls?: NatsTls;
  readonly login?: NatsLogin;
  readonly limits?: Partial<NatsLimits>;
}

export interface NatsLimits {
  /** A request without an answer for this long is over; what the protocol wanted it asks again, sooner than this. */
  readonly requestMs: number;
  /** A server that answers no ping for two of these is given up: a paused one keeps its sockets open. */
  readonly pingMs: number;
  /** Between two attempts to connect. */
  readonly reconnectMs: number;
  /** How long one attempt to connect may take. */
  readonly connectMs: number;
  /** Reading the log: entries asked for at once, and bytes after which a read returns what it has. */
  readonly readAtOnce: number;
  readonly readBytes: number;
  /** Plaintext in one peer message on the wire; longer ones go in parts. NATS refuses messages above its `max_payload` (1 MiB). */
  readonly partBytes: number;
  /** Longest peer message. */
  readonly messageBytes: number;
  /** Peer messages that wait for missing parts. */
  readonly partialsMax: number;
  /** Plaintext in one chunk of a snapshot. */
  readonly chunkBytes: number;
  /** Snapshots kept. */
  readonly snapshotsKept: number;
  /** Reading a snapshot is given up when NATS brings nothing of it for this long. */
  readonly stallMs: number;
}

export const defaultNatsLimits: NatsLimits = {
  requestMs: 2000,
  pingMs: 500,
  reconnectMs: 100,
  connectMs: 2000,
  readAtOnce: 32,
  readBytes: 1 << 20,
  partBytes: 256 << 10,
  messageBytes: 64 << 20,
  partialsMax: 16,
  chunkBytes: 96 << 10,
  snapshotsKept: 3,
  stallMs: 10_000,
};

const name = /^[A-Za-z0-9_-]{1,64}$/;

export function checkOptions(options: NatsOptions): void {
  const { servers, cluster, node, replicas } = options;
  for (const [what, value] of [['cluster', cluster], ['node', node]] as const) {
    if (!name.test(value)) throw new Fault('E_CLUSTER_NAME', `The ${what}'s name ${JSON.stringify(value)} is not made of 1 to 64 letters, digits, '-' and '_'.`);
  }
  if (![1, 3, 5].includes(replicas)) throw new Fault('E_NATS_REPLICAS', `NATS keeps 1, 3 or 5 copies, not ${replicas}.`);
  if (servers.length === 0) throw new Fault('E_NATS_SERVERS', 'No NATS server is given.');
  for (const server of servers) {
    if (server.includes('@')) throw new Fault('E_NATS_SERVERS', 'A NATS URL has a user or password in it: give them apart from the URL, which is logged.');
    if (!/^(nats|tls):\/\/[^/]+$/.test(server)) throw new Fault('E_NATS_SERVERS', `${JSON.stringify(server)} is not nats://host:port or tls://host:port.`);
    // The client compares a certificate with `localhost` when it is given an address.
    if (encrypts(options) && isIP(new URL(server.replace(/^\w+:/, 'http:')).hostname.replace(/^\[|\]$/g, '')) !== 0) throw new Fault('E_NATS_SERVERS', `${server} is an address: TLS needs the name that stands in the server's certificate.`);
  }
}

function encrypts({ tls, servers }: NatsOptions): boolean {
  return tls !== undefined || servers.some((server) => server.startsWith('tls:'));
}

/** What `connect` of the NATS client takes. It reconnects for ever, to the servers given, and tells nothing of the host's files. */
export function connectionOptions(options: NatsOptions, limits: NatsLimits): NodeConnectionOptions {
  const { servers, cluster, node, tls, login } = options;
  return {
    servers: [...servers],
    name: `kmipd ${cluster}/${node}`,
    timeout: limits.connectMs,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: limits.reconnectMs,
    reconnectJitter: limits.reconnectMs,
    reconnectJitterTLS: limits.reconnectMs,
    pingInterval: limits.pingMs,
    maxPingOut: 2,
    ignoreClusterUpdates: true,
    // A server that has just restarted may refuse a login for a moment.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(encrypts(options) ? { tls: { ...(tls?.authorities !== undefined && { ca: tls.authorities }), ...(tls?.certificate !== undefined && { cert: tls.certificate }), ...(tls?.key !== undefined && { key: tls.key }) } } : {}),
    ...loginOptions(login),
  };
}

function loginOptions(login: NatsLogin | undefined): NodeConnectionOptions {
  switch (login?.kind) {
    case undefined: return {};
    case 'password': return { user: login.user, pass: login.password };
    case 'token': return { token: login.token };
    case 'nkey': return { authenticator: nkeyAuthenticator(() => new TextEncoder().encode(readFileSync(login.seedFile, 'utf8').trim())) };
    case 'credentials': return { authenticator: credsAuthenticator(() => readFileSync(login.file)) };
  }
}
