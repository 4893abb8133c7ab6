/**
 * One mutual-TLS connection to a KMIP server that answers in order: requests are pipelined, a lost connection is
 * made again for the next request.
 *
 * Invariants: at most `pipeline` requests are on their way; answers are matched to requests by order, as KMIP over
 * TLS has it; when the connection is lost every request without an answer fails with ConnectionLostError, and the
 * caller decides whether asking again is safe (it is for reads; a write may have taken effect).
 */
import tls from 'node:tls';
import { FrameReader } from '../codec/frame.ts';

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** PEM texts: the client's certificate and key, and the authority that signed the server's certificate. */
  readonly certificate: string;
  readonly privateKey: string;
  readonly authority: string;
  /** Name to check the server's certificate against, where it is not `host`. */
  readonly serverName?: string;
  /** Cipher suites of TLS 1.2 in OpenSSL form, for servers that know only old ones; default: what Node offers. */
  readonly ciphers?: string;
  /** Milliseconds from sending a request to its answer (and for a connection to stand); default 30 000. */
  readonly timeoutMs?: number;
  /** Requests on their way at once; default 8. */
  readonly pipeline?: number;
  /** Longest answer taken, in bytes; default 16 MiB. */
  readonly maxMessageBytes?: number;
}

/** Opens the socket of a connection, and checks the server's certificate as the options say. */
export function connectTls({ host, port, certificate, privateKey, authority, serverName, ciphers }: ConnectionOptions): tls.TLSSocket {
  const isAddress = /^[\d.]+$|:/.test(host);
  const socket = tls.connect({
    host,
    port,
    cert: certificate,
    key: privateKey,
    ca: authority,
    minVersion: 'TLSv1.2',
    ...(ciphers !== undefined && { ciphers }),
    ...(serverName !== undefined ? { servername: serverName } : isAddress ? {} : { servername: host }),
    ...(serverName !== undefined && { checkServerIdentity: (_: string, peer: tls.PeerCertificate) => tls.checkServerIdentity(serverName, peer) }),
  });
  socket.setNoDelay(true);
  return socket;
}

/** What went wrong with a socket, in a line: OpenSSL's own texts carry thread numbers and source files. */
export function socketFaultText(error: Error): string {
  const { reason, code } = error as Error & { readonly reason?: string; readonly code?: string };
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') return `no TLS is spoken there (${reason})`;
  return reason === undefined ? error.message : `TLS: ${reason}`;
}

/** The connection went away before the answer came. */
export class ConnectionLostError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectionLostError';
  }
}

interface Waiting {
  readonly message: Uint8Array;
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  timer: NodeJS.Timeout | undefined;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #queued: Waiting[] = [];
  readonly #sent: Waiting[] = [];
  #socket: tls.TLSSocket | undefined;
  #ready = false;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Sends one whole message; resolves with the whole answer. */
  send(message: Uint8Array): Promise<Uint8Array> {
    if (this.#closed) return Promise.reject(new ConnectionLostError('the client is closed'));
    return new Promise((resolve, reject) => {
      this.#queued.push({ message, resolve, reject, timer: undefined });
      this.#pump();
    });
  }

  /** Ends the connection after the answers that are still due. */
  async close(): Promise<void> {
    while (this.#queued.length + this.#sent.length > 0) {
      await Promise.allSettled([...this.#sent, ...this.#queued].map((waiting) => new Promise<void>((done) => this.#onSettled(waiting, done))));
    }
    this.#closed = true;
    this.#socket?.end();
    this.#socket = undefined;
  }

  /** Cuts the connection now. */
  destroy(): void {
    this.#closed = true;
    this.#lose(new ConnectionLostError('the client is closed'));
  }

  readonly #settled = new WeakMap<Waiting, (() => void)[]>();

  #onSettled(waiting: Waiting, done: () => void): void {
    const listeners = this.#settled.get(waiting) ?? [];
    listeners.push(done);
    this.#settled.set(waiting, listeners);
  }

  #settle(waiting: Waiting, outcome: Uint8Array | Error): void {
    clearTimeout(waiting.timer);
    if (outcome instanceof Error) waiting.reject(outcome);
    else waiting.resolve(outcome);
    for (const done of this.#settled.get(waiting) ?? []) done();
  }

  #pump(): void {
    if (this.#queued.length === 0) return;
    const socket = (this.#socket ??= this.#connect());
    if (!this.#ready) return;
    const depth = this.#options.pipeline ?? 8;
    while (this.#sent.length < depth) {
      const waiting = this.#queued.shift();
      if (waiting === undefined) return;
      const timeoutMs = this.#options.timeoutMs ?? 30_000;
      waiting.timer = setTimeout(() => this.#lose(new ConnectionLostError(`no answer within ${timeoutMs} ms`)), timeoutMs);
      this.#sent.push(waiting);
      socket.write(waiting.message);
    }
  }

  #connect(): tls.TLSSocket {
    const { host, port } = this.#options;
    const socket = connectTls(this.#options);
    const frames = new FrameReader({ maxMessageBytes: this.#options.maxMessageBytes ?? 16 << 20 });
    socket.setTimeout(this.#options.timeoutMs ?? 30_000, () => {
      if (!this.#ready) this.#fail(socket, new ConnectionLostError(`no connection to ${host}:${port} in time`));
    });
    socket.once('secureConnect', () => {
      if (this.#socket !== socket) return;
      this.#ready = true;
      this.#pump();
    });
    socket.on('data', (chunk: Buffer) => this.#receive(socket, frames, chunk));
    socket.once('error', (error) => this.#fail(socket, new ConnectionLostError(`${host}:${port}: ${socketFaultText(error)}`, { cause: error })));
    socket.once('close', () => this.#fail(socket, new ConnectionLostError(`${host}:${port} closed the connection`)));
    return socket;
  }

  #receive(socket: tls.TLSSocket, frames: FrameReader, chunk: Buffer): void {
    for (const frame of frames.push(chunk)) {
      if (frame.kind !== 'message') {
        this.#fail(socket, new ConnectionLostError('the answer is not a KMIP message of allowed length'));
        return;
      }
      const waiting = this.#sent.shift();
      if (waiting === undefined) {
        this.#fail(socket, new ConnectionLostError('an answer came that nobody asked for'));
        return;
      }
      this.#settle(waiting, frame.bytes);
    }
    this.#pump();
  }

  #fail(socket: tls.TLSSocket, error: ConnectionLostError): void {
    if (this.#socket === socket) this.#lose(error);
    socket.destroy();
  }

  /** Fails what was sent; what only waited in the queue is sent on the next connection, or fails with it. */
  #lose(error: ConnectionLostError): void {
    const stood = this.#ready;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#ready = false;
    socket?.destroy();
    const lost = this.#sent.splice(0);
    if (!stood || this.#closed) lost.push(...this.#queued.splice(0));
    for (const waiting of lost) this.#settle(waiting, error);
    this.#pump();
  }
}
