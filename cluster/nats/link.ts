/**
 * The connection to NATS that all adapters of a node share: made again for ever, with a number for each time it was made.
 *
 *   connecting --- connected (epoch 1) --- lost --- connected (epoch 2) --- ... --- closed
 *
 * Invariant: while it is not connected nothing is sent and nothing is kept to be sent later: the protocol asks again by
 * itself, and what it asked a second ago may be wrong now. What went wrong reaches `tell` as a Fault, once in a row for each code.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { Fault } from '../../src/fault.ts';
import type { FaultCode } from '../../src/fault.ts';
import { connectionOptions } from './options.ts';
import type { NatsLimits, NatsOptions } from './options.ts';

export interface LinkListener {
  /** The node can or cannot reach NATS, from now on. */
  connected(connected: boolean, server: string): void;
  fault(fault: Fault): void;
}

export class Link {
  readonly nats: NatsConnection;
  readonly limits: NatsLimits;
  readonly #listener: LinkListener;
  readonly #lost = new Set<() => void>();
  #connected = true;
  #closed = false;
  #epoch = 1;
  #lastFault: string | undefined;

  private constructor(nats: NatsConnection, limits: NatsLimits, listener: LinkListener) {
    this.nats = nats;
    this.limits = limits;
    this.#listener = listener;
    void this.#watch();
  }

  /** Tries until it is connected, or the signal is aborted. */
  static async open(options: NatsOptions, limits: NatsLimits, listener: LinkListener, signal: AbortSignal): Promise<Link> {
    for (let told: string | undefined; ; ) {
      signal.throwIfAborted();
      try {
        const nats = await connect(connectionOptions(options, limits));
        if (signal.aborted) await nats.close();
        signal.throwIfAborted();
        const link = new Link(nats, limits, listener);
        listener.connected(true, nats.getServer());
        return link;
      } catch (cause) {
        signal.throwIfAborted();
        const reason = reasonOf(cause);
        if (reason !== told) listener.fault(new Fault('E_NATS_CONNECT', `No connection to NATS at ${options.servers.join(', ')}: ${reason}.`, { cause, retryable: true }));
        told = reason;
        await sleep(limits.reconnectMs * 5, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Another number after each loss of the connection. */
  get epoch(): number {
    return this.#epoch;
  }

  /** What nobody sees unless it is told: something that NATS or a stranger did. */
  tell(code: FaultCode, message: string, cause?: unknown): void {
    if (this.#closed || this.#lastFault === code) return;
    this.#lastFault = code;
    this.#listener.fault(new Fault(code, message, { cause, retryable: true }));
  }

  /** NATS refused or did not answer: to be expected while servers come and go. */
  tellRequest(what: string, cause: unknown): void {
    if (this.#connected) this.tell('E_NATS_REQUEST', `NATS did not ${what}: ${reasonOf(cause)}.`, cause);
  }

  /** Something went well: the next fault is news again. */
  recovered(): void {
    this.#lastFault = undefined;
  }

  onLost(action: () => void): void {
    this.#lost.add(action);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connected = false;
    await this.nats.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type === 'disconnect' && this.#connected) {
        this.#connected = false;
        this.#epoch += 1;
        for (const action of this.#lost) action();
        if (!this.#closed) this.#listener.connected(false, status.server);
      } else if (status.type === 'reconnect' && !this.#closed) {
        this.#connected = true;
        this.#epoch += 1;
        this.#listener.connected(true, status.server);
      } else if (status.type === 'error') {
        this.tell('E_NATS_SERVER', `NATS reports: ${reasonOf(status.error)}.`, status.error);
      }
    }
    this.#connected = false;
  }
}

/** The error's text alone; the client's messages name subjects and servers, no payloads and no secrets. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text === '' && error instanceof Error ? error.name : text).replace(/\.$/, '');
}
