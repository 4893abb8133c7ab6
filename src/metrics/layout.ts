/**
 * Where each number lies in a thread's slab of shared memory: one Float64Array a thread, drawn below.
 *
 *     requests | latency | batch size | bytes | connections | handshakes | limits | cache | …
 *
 * Invariant: a cell is written by one thread only and read by the main thread at scrape time, so no atomics are
 * needed: an aligned 64-bit store is whole on every machine that Node runs on, and a scrape may be a moment late.
 * A double counts exactly to 2^53.
 */
import { enumerationTable } from '../kmip/enums.ts';
import { supportedVersions } from '../kmip/version.ts';
import type { ProtocolVersion } from '../kmip/version.ts';

/** Upper bounds of latency buckets in seconds, from 50 microseconds, doubling. */
export const latencyBounds: readonly number[] = Array.from({ length: 18 }, (_, power) => 50e-6 * 2 ** power);
export const batchBounds: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128];

const rows = (name: 'Operation' | 'ResultReason'): [string, number][] => Object.entries(enumerationTable[name]).map(([label, row]) => [label, row[0]]);

/** Index 0 is for what the tables do not know; for reasons, index 1 is success. */
export const operationLabels: readonly string[] = ['Unknown', ...rows('Operation').map(([label]) => label), 'Batch'];
const operationIndexes = new Map(rows('Operation').map(([, code], index) => [code, index + 1]));
export const batchIndex = operationLabels.length - 1;
export const reasonLabels: readonly string[] = ['Unknown', 'Success', ...rows('ResultReason').map(([label]) => label)];
const reasonIndexes = new Map<number, number>([[0, 1], ...rows('ResultReason').map(([, code], index): [number, number] => [code, index + 2])]);
const versionIndexes = new Map(supportedVersions.map((version, index) => [version, index + 1]));
export const versionsByIndex: readonly ProtocolVersion[] = [0, ...supportedVersions];

export function operationIndex(code: number): number {
  return operationIndexes.get(code) ?? 0;
}
export function reasonIndex(reason: number): number {
  return reasonIndexes.get(reason) ?? 0;
}
export function versionIndex(version: ProtocolVersion): number {
  return versionIndexes.get(version) ?? 0;
}

export const handshakeProtocols = ['TLSv1.2', 'TLSv1.3'] as const;
/** Why a connection got no further than its handshake. */
export const handshakeFailures = ['no-certificate', 'untrusted-certificate', 'unknown-credential', 'revoked-credential', 'expired-credential', 'protocol', 'timeout', 'closed', 'overload'] as const;
export type HandshakeFailure = (typeof handshakeFailures)[number];
/** Why a connection ended. */
export const closeCauses = ['client', 'idle', 'message-timeout', 'write-timeout', 'framing-lost', 'error', 'revoked', 'drain', 'no-permit'] as const;
export type CloseCause = (typeof closeCauses)[number];
/** What answers of a cluster's node may have to wait for. */
export const heldCauses = ['permit', 'stability'] as const;
export type HeldCause = (typeof heldCauses)[number];
/** Room for the limits' names, which the server gives; more are a bug that the registry finds at start. */
export const limitCells = 64;

/** Cells of one histogram: a count for each bound and one for what is above, then the sum. */
export function histogramCells(bounds: readonly number[]): number {
  return bounds.length + 2;
}

let next = 0;
function cells(count: number): number {
  const offset = next;
  next += count;
  return offset;
}

export const layout = {
  requests: cells(operationLabels.length * reasonLabels.length * versionsByIndex.length),
  latency: cells(operationLabels.length * histogramCells(latencyBounds)),
  batch: cells(histogramCells(batchBounds)),
  bytesIn: cells(1),
  bytesOut: cells(1),
  malformed: cells(1),
  connectionsOpen: cells(1),
  connectionsTotal: cells(1),
  inFlightBytes: cells(1),
  handshakes: cells(handshakeProtocols.length),
  resumptions: cells(handshakeProtocols.length),
  handshakeFailures: cells(handshakeFailures.length),
  closes: cells(closeCauses.length),
  limits: cells(limitCells),
  cacheEntries: cells(1),
  cacheHits: cells(1),
  cacheMisses: cells(1),
  cacheDrops: cells(1),
  cacheOverruns: cells(1),
  keySlots: cells(1),
  keySlotLoads: cells(1),
  fastAnswers: cells(1),
  forwarded: cells(1),
  readsHeld: cells(heldCauses.length),
  readsRefused: cells(1),
} as const;

export const slabLength = next;
export const slabBytes = slabLength * Float64Array.BYTES_PER_ELEMENT;

/** Cells that say how things are now; they start from nothing when a thread is replaced. */
export const gaugeCells: readonly number[] = [layout.connectionsOpen, layout.inFlightBytes, layout.cacheEntries, layout.keySlots];
