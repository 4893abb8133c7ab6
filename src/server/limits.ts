/**
 * Every limit of the server's threads, connections and queues: name, default, reason (DESIGN §9).
 *
 * Invariant: nothing in `src/server` waits, holds or counts without one of these; each time one is reached,
 * `kmipd_limit_reached_total{limit="<name>"}` grows by one. An operator sets one with `--limit NAME=NUMBER`.
 * Limits on the contents of a message (batch items, depth, response size) are the engine's.
 */
import { SLOTS_MAX } from '../../core/abi.ts';

export interface LimitRule {
  readonly byDefault: number;
  readonly least: number;
  readonly unit: 'bytes' | 'milliseconds' | 'count';
  readonly reason: string;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const second = 1000;
const hour = 3600 * second;

export const limitTable = {
  messageBytes: { byDefault: 2 * mebibyte, least: kibibyte, unit: 'bytes', reason: 'the longest request; a longer one is skipped without being kept, and answered with an error' },
  connections: { byDefault: 10_000, least: 1, unit: 'count', reason: 'open connections of all workers together; each costs about 50 KiB of TLS state' },
  pendingHandshakes: { byDefault: 1_000, least: 1, unit: 'count', reason: 'connections of one worker whose handshake is under way: the work a stranger can cause before showing a certificate' },
  handshakeMs: { byDefault: 10 * second, least: 100, unit: 'milliseconds', reason: 'a peer that opens a connection and does not finish its handshake' },
  messageMs: { byDefault: 30 * second, least: 100, unit: 'milliseconds', reason: 'from the first byte of a request to its last: a client that trickles bytes' },
  writeMs: { byDefault: 30 * second, least: 100, unit: 'milliseconds', reason: 'one answer taken by the client: a client that does not read' },
  idleMs: { byDefault: hour, least: second, unit: 'milliseconds', reason: 'a connection without a request; long, because appliances keep connections for minutes and fail on a short close' },
  connectionInFlightBytes: { byDefault: 8 * mebibyte, least: kibibyte, unit: 'bytes', reason: 'requests of one connection that are read and not answered; above it the socket is not read' },
  connectionInFlightMessages: { byDefault: 128, least: 1, unit: 'count', reason: 'depth of pipelining of one connection; above it the socket is not read' },
  connectionUnsentBytes: { byDefault: 8 * mebibyte, least: kibibyte, unit: 'bytes', reason: 'answers of one connection that the client has not taken; above it no further request of it is executed' },
  workerInFlightBytes: { byDefault: 256 * mebibyte, least: mebibyte, unit: 'bytes', reason: 'requests and unsent answers of all connections of one worker; above it a connection with work under way is not read' },
  primaryBurst: { byDefault: 32, least: 1, unit: 'count', reason: 'pipelined requests of one connection that follow a change to the writing thread before the connection waits for its answers' },
  writerMessages: { byDefault: 8_192, least: 1, unit: 'count', reason: 'changes under way in the node: planned, waiting or being synced; above it a request is refused at once' },
  writerBytes: { byDefault: 128 * mebibyte, least: mebibyte, unit: 'bytes', reason: 'bytes of the requests that wait for the writing thread' },
  cachedObjects: { byDefault: 20_000, least: 1, unit: 'count', reason: 'decoded objects that one worker keeps in memory, least recently used out first' },
  keySlots: { byDefault: 131_072, least: 1, unit: 'count', reason: 'keys in the WebAssembly core of one worker, about 500 bytes each once used; the one that was used longest ago makes room' },
  permitWaitMs: { byDefault: 20 * second, least: 0, unit: 'milliseconds', reason: 'a message at a node without a permit from its cluster: after this the client is told so and sent away, to another node; longer than NATS takes for two elections' },
  stableWaitMs: { byDefault: 20 * second, least: 0, unit: 'milliseconds', reason: 'an answer that shows a change which other nodes have not confirmed yet; longer than a cluster takes to go on without a node that died, or NATS to elect twice' },
  drainMs: { byDefault: 5 * second, least: 0, unit: 'milliseconds', reason: 'from SIGTERM until connections that are still busy are cut' },
  workerRestartsPerMinute: { byDefault: 10, least: 0, unit: 'count', reason: 'worker threads that may die before the process gives up instead of restarting them' },
} as const satisfies Readonly<Record<string, LimitRule>>;

export type LimitName = keyof typeof limitTable;
export type Limits = Readonly<Record<LimitName, number>>;

export const limitNames = Object.keys(limitTable) as readonly LimitName[];

/** The defaults with the given ones in their place. Throws a RangeError that names an unknown or impossible one. */
export function limitsWith(given: Readonly<Record<string, number>> = {}): Limits {
  const limits = Object.fromEntries(limitNames.map((name) => [name, limitTable[name].byDefault])) as Record<LimitName, number>;
  for (const [name, value] of Object.entries(given)) {
    const rule: LimitRule | undefined = Object.hasOwn(limitTable, name) ? limitTable[name as LimitName] : undefined;
    if (rule === undefined) throw new RangeError(`limit ${JSON.stringify(name)} is not known; there are ${limitNames.join(', ')}`);
    if (!Number.isSafeInteger(value) || value < rule.least) throw new RangeError(`limit ${name} is ${value}; allowed is a whole number from ${rule.least}`);
    limits[name as LimitName] = value;
  }
  if (limits.keySlots > SLOTS_MAX) throw new RangeError(`limit keySlots is ${limits.keySlots}; the core has room for ${SLOTS_MAX} at most`);
  if (limits.connectionInFlightBytes < limits.messageBytes) throw new RangeError(`limit connectionInFlightBytes is ${limits.connectionInFlightBytes}; it has to hold a message of messageBytes, ${limits.messageBytes}`);
  return limits;
}
