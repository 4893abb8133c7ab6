/**
 * What a worker counts, as calls: each adds to cells of its own slab and costs a few nanoseconds, no message to
 * another thread (DESIGN §3). No key identifier and no name of a client ever becomes a label.
 */
import {
  batchBounds, batchIndex, closeCauses, handshakeFailures, handshakeProtocols, heldCauses, histogramCells, latencyBounds, layout, operationIndex, reasonIndex,
  reasonLabels, slabLength, versionIndex, versionsByIndex,
} from './layout.ts';
import type { CloseCause, HandshakeFailure, HeldCause } from './layout.ts';
import type { ProtocolVersion } from '../kmip/version.ts';

/** One answered batch item; reason 0 is success. */
export interface ItemOutcome {
  readonly operation: number;
  readonly reason: number;
}

const latencyCells = histogramCells(latencyBounds);

export class Recorder {
  readonly #values: Float64Array;

  constructor(slab: SharedArrayBuffer) {
    this.#values = new Float64Array(slab);
    if (this.#values.length !== slabLength) throw new RangeError(`a metrics slab has ${slabLength} cells, this one ${this.#values.length}`);
  }

  /** A message was answered `seconds` after its last byte came. */
  request(items: readonly ItemOutcome[], version: ProtocolVersion, seconds: number): void {
    const values = this.#values;
    const byVersion = versionIndex(version);
    let label = items.length === 0 ? 0 : operationIndex(items[0]!.operation);
    for (const item of items) {
      const operation = operationIndex(item.operation);
      if (operation !== label) label = batchIndex;
      values[layout.requests + (operation * reasonLabels.length + reasonIndex(item.reason)) * versionsByIndex.length + byVersion]! += 1;
    }
    if (items.length === 0) values[layout.malformed]! += 1;
    this.#observe(layout.latency + label * latencyCells, latencyBounds, seconds);
    this.#observe(layout.batch, batchBounds, items.length);
  }

  bytesIn(count: number): void {
    this.#values[layout.bytesIn]! += count;
  }

  bytesOut(count: number): void {
    this.#values[layout.bytesOut]! += count;
  }

  connectionOpened(): void {
    this.#values[layout.connectionsOpen]! += 1;
    this.#values[layout.connectionsTotal]! += 1;
  }

  connectionClosed(cause: CloseCause): void {
    this.#values[layout.connectionsOpen]! -= 1;
    this.#values[layout.closes + closeCauses.indexOf(cause)]! += 1;
  }

  handshake(protocol: string | null, resumed: boolean): void {
    const index = handshakeProtocols.findIndex((each) => each === protocol);
    if (index < 0) return;
    this.#values[layout.handshakes + index]! += 1;
    if (resumed) this.#values[layout.resumptions + index]! += 1;
  }

  handshakeFailed(why: HandshakeFailure): void {
    this.#values[layout.handshakeFailures + handshakeFailures.indexOf(why)]! += 1;
  }

  limitReached(index: number): void {
    this.#values[layout.limits + index]! += 1;
  }

  forwarded(): void {
    this.#values[layout.forwarded]! += 1;
  }

  inFlightBytes(count: number): void {
    this.#values[layout.inFlightBytes] = count;
  }

  cacheHit(): void {
    this.#values[layout.cacheHits]! += 1;
  }

  cacheMiss(entries: number): void {
    this.#values[layout.cacheMisses]! += 1;
    this.#values[layout.cacheEntries] = entries;
  }

  cacheDropped(count: number, entries: number): void {
    this.#values[layout.cacheDrops]! += count;
    this.#values[layout.cacheEntries] = entries;
  }

  cacheOverrun(): void {
    this.#values[layout.cacheOverruns]! += 1;
  }

  keySlots(count: number): void {
    this.#values[layout.keySlots] = count;
  }

  keySlotLoaded(): void {
    this.#values[layout.keySlotLoads]! += 1;
  }

  /** A message was answered inside the core, without the engine. */
  fastAnswered(): void {
    this.#values[layout.fastAnswers]! += 1;
  }

  /** The answer to a message waits, or its execution has to be done again. */
  readHeld(cause: HeldCause): void {
    this.#values[layout.readsHeld + heldCauses.indexOf(cause)]! += 1;
  }

  readRefused(): void {
    this.#values[layout.readsRefused]! += 1;
  }

  #observe(offset: number, bounds: readonly number[], value: number): void {
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1;
    this.#values[offset + bucket]! += 1;
    this.#values[offset + bounds.length + 1]! += value;
  }
}
