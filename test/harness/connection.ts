/**
 * A raw KMIP connection for tests: TLS with a client certificate, bytes out in any pieces, whole messages in.
 *
 * It keeps what TLS delivered: each 'data' event is one TLS record, so a test can ask whether an answer came as one
 * record (some clients read no other way) and whether two answers were joined.
 */
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, SecureVersion, TLSSocket } from 'node:tls';
import { decode, encode } from './ttlv.ts';
import type { Item } from './ttlv.ts';

/** PEM texts of a client certificate, its key, and the CA that the server's certificate comes from. */
export interface Credential {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ConnectionRequest {
  readonly port: number;
  readonly host?: string;
  /** Without one the client shows no certificate and does not check the server's. */
  readonly credential?: Credential;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** Anything else that node:tls takes (ciphers, session, servername…). */
  readonly tls?: ConnectionOptions;
}

export const defaultTimeoutMs = 15_000;

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export class WireConnection {
  readonly socket: TLSSocket;
  /** Length of each TLS record of data received, in order. */
  readonly records: number[] = [];
  /** Resolves when the connection is closed, with the error that closed it, if any. */
  readonly closed: Promise<Error | undefined>;
  private pending: Buffer = Buffer.alloc(0);
  private readonly messages: Buffer[] = [];
  private readonly waiting: { resolve: (message: Buffer) => void; reject: (error: Error) => void }[] = [];
  private failure: Error | undefined;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    this.closed = new Promise((resolve) => {
      let cause: Error | undefined;
      socket.on('error', (error) => { cause = error; });
      socket.on('close', () => {
        this.failure = cause ?? new Error(`connection closed, ${this.pending.length} bytes of an incomplete message received`);
        for (const { reject } of this.waiting.splice(0)) reject(this.failure);
        resolve(cause);
      });
    });
  }

  /** Connects and finishes the handshake; rejects if the server refuses it (TLS 1.3 refuses a client at the first read). */
  static connect({ port, host = '127.0.0.1', credential, minVersion, maxVersion, tls }: ConnectionRequest): Promise<WireConnection> {
    return new Promise((resolve, reject) => {
      const options: ConnectionOptions = { port, host, servername: 'localhost', ...tls };
      if (credential !== undefined) Object.assign(options, credential);
      else options.rejectUnauthorized = false;
      if (minVersion !== undefined) options.minVersion = minVersion;
      if (maxVersion !== undefined) options.maxVersion = maxVersion;
      const socket = connectTls(options);
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        resolve(new WireConnection(socket));
      });
    });
  }

  private take(chunk: Buffer): void {
    this.records.push(chunk.length);
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    while (this.pending.length >= 8) {
      const length = 8 + this.pending.readUInt32BE(4);
      if (this.pending.length < length) return;
      const message = Buffer.from(this.pending.subarray(0, length));
      this.pending = this.pending.subarray(length);
      const waiter = this.waiting.shift();
      if (waiter === undefined) this.messages.push(message);
      else waiter.resolve(message);
    }
  }

  /**
   * Sends the bytes. `pieces` are the lengths of the parts to send as TLS records of their own, the rest being the last;
   * between two parts it waits `gapMs`, so that the server reads them apart.
   */
  async send(message: Uint8Array | Item, pieces: readonly number[] = [], gapMs = 5): Promise<void> {
    const bytes = message instanceof Uint8Array ? message : encode(message);
    let offset = 0;
    for (const length of pieces) {
      if (offset >= bytes.length) break;
      this.socket.write(bytes.subarray(offset, offset + length));
      offset += length;
      await pause(gapMs);
    }
    if (offset < bytes.length) this.socket.write(bytes.subarray(offset));
  }

  /** The bytes of the next whole message, in order. */
  receive(timeoutMs = defaultTimeoutMs): Promise<Buffer> {
    const ready = this.messages.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        reject(new Error(`no whole message within ${timeoutMs} ms, ${this.pending.length} bytes of it so far`));
      }, timeoutMs);
      const waiter = {
        resolve: (message: Buffer): void => { clearTimeout(timer); resolve(message); },
        reject: (error: Error): void => { clearTimeout(timer); reject(error); },
      };
      this.waiting.push(waiter);
    });
  }

  /** Sends one message and returns the next one received, decoded. */
  async exchange(message: Uint8Array | Item, timeoutMs = defaultTimeoutMs): Promise<Item> {
    await this.send(message);
    return decode(await this.receive(timeoutMs));
  }

  /** The negotiated protocol: `TLSv1.2` or `TLSv1.3`. */
  get protocol(): string | null {
    return this.socket.getProtocol();
  }

  /** Ends the connection in order and waits until it is closed. */
  async close(): Promise<void> {
    this.socket.end();
    await Promise.race([this.closed, pause(1000)]);
    this.socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
