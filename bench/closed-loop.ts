/**
 * Drives one server with fixed request bytes over mutual TLS: each connection keeps `depth` requests on their way. Gives
 * requests a second, latency quantiles as the client sees them, and the server's CPU time a request.
 *
 * Of an answer only the head is read, to know where it ends; requests that became due with one piece of what came leave in
 * one write.
 */
import tls from 'node:tls';
import { processorSeconds } from './node-meter.ts';
import { quantile } from './report.ts';

export interface Target {
  readonly port: number;
  readonly pid: number;
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  readonly authority: Buffer;
}

export interface LoopOptions {
  readonly connections: number;
  readonly milliseconds: number;
  readonly warmupMilliseconds: number;
  /** Requests on their way on a connection; 1 where absent. */
  readonly depth?: number;
  /**
   * This process does not sleep meanwhile. Whoever writes to a socket pays for waking its reader, some microseconds on a virtual
   * machine: that would fall on the slower of two servers alone, whose reader has time to fall asleep.
   */
  readonly awake?: boolean;
  /** Sent, and answered, before anything else on each connection. */
  readonly first?: Buffer;
}

export interface LoopResult {
  readonly requestsPerSecond: number;
  readonly p50Microseconds: number;
  readonly p99Microseconds: number;
  readonly cpuMicrosecondsPerRequest: number;
}

const headLength = 8;

export function connect(target: Target): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: target.port, cert: target.certificate, key: target.privateKey, ca: target.authority, checkServerIdentity: () => undefined });
    socket.setNoDelay(true);
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Calls back for every whole answer that comes on the socket, and after all those of one piece. */
export function onAnswers(socket: tls.TLSSocket, answered: () => void, settled: () => void): void {
  let head: Buffer = Buffer.alloc(0);
  /** Bytes that are missing of the answer under way, once its head is known. */
  let missing = 0;
  socket.on('data', (chunk: Buffer) => {
    let position = 0;
    while (position < chunk.length) {
      if (missing === 0) {
        const step = chunk.subarray(position, position + headLength - head.length);
        head = head.length === 0 ? step : Buffer.concat([head, step]);
        position += step.length;
        if (head.length < headLength) return;
        missing = head.readUInt32BE(4);
        head = head.subarray(0, 0);
      }
      const step = Math.min(missing, chunk.length - position);
      missing -= step;
      position += step;
      if (missing === 0) answered();
    }
    settled();
  });
}

/** Sends `request`, or what it makes, over and over for the time. */
export async function closedLoop(target: Target, request: Buffer | (() => Buffer), options: LoopOptions): Promise<LoopResult> {
  const { depth = 1 } = options;
  const repeated = typeof request === 'function' ? undefined : Buffer.concat(new Array<Buffer>(depth).fill(request));
  const due = (count: number): Buffer => (repeated === undefined ? Buffer.concat(Array.from({ length: count }, request as () => Buffer)) : repeated.subarray(0, count * (request as Buffer).length));
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => connect(target)));
  const latencies: number[] = [];
  let counting = false;
  let running = true;
  const done = sockets.map(
    (socket) =>
      new Promise<void>((resolve, reject) => {
        const started: number[] = new Array<number>(depth).fill(0);
        let sent = 0;
        let answers = 0;
        let isPrepared = options.first === undefined;
        const send = (bytes: Buffer, count: number): void => {
          const now = performance.now();
          for (let each = 0; each < count; each += 1) started[sent++ % depth] = now;
          socket.write(bytes);
        };
        onAnswers(socket, () => {
          if (counting) latencies.push((performance.now() - started[answers % depth]!) * 1000);
          answers += 1;
        }, () => {
          const free = isPrepared ? depth - (sent - answers) : sent === answers ? depth : 0;
          isPrepared ||= free > 0;
          if (running && free > 0) send(due(free), free);
          else if (!running && sent === answers) resolve();
        });
        socket.once('error', reject);
        socket.once('close', () => (running ? reject(new Error('the server closed the connection')) : resolve()));
        if (options.first === undefined) send(due(depth), depth);
        else send(options.first, 1);
      }),
  );
  const spin = (): void => {
    if (running) setImmediate(spin);
  };
  if (options.awake === true) spin();
  const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
  await Promise.race([pause(options.warmupMilliseconds), ...done]);
  const cpuBefore = processorSeconds(target.pid);
  const startedAt = performance.now();
  counting = true;
  await Promise.race([pause(options.milliseconds), ...done]);
  counting = false;
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = processorSeconds(target.pid) - cpuBefore;
  running = false;
  await Promise.all(done);
  for (const socket of sockets) socket.destroy();
  const sorted = Float64Array.from(latencies).sort();
  return {
    requestsPerSecond: sorted.length / seconds,
    p50Microseconds: quantile(sorted, 0.5),
    p99Microseconds: quantile(sorted, 0.99),
    cpuMicrosecondsPerRequest: (cpu * 1e6) / sorted.length,
  };
}
