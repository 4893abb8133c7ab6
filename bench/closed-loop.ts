/**
 * Drives one server with fixed request bytes over mutual TLS: each connection sends the next request when its answer is
 * whole. Gives requests a second, latency quantiles as the client sees them, and the server's CPU time a request.
 */
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { quantile } from './report.ts';

export interface Target {
  readonly port: number;
  readonly pid: number;
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  readonly authority: Buffer;
}

export interface LoopResult {
  readonly requestsPerSecond: number;
  readonly p50Microseconds: number;
  readonly p99Microseconds: number;
  readonly cpuMicrosecondsPerRequest: number;
}

/** CPU seconds (user and system) of a process, all its threads. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function connect(target: Target): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: target.port, cert: target.certificate, key: target.privateKey, ca: target.authority, checkServerIdentity: () => undefined });
    socket.setNoDelay(true);
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends `first` once on each connection (where given), then `request`, or what it makes, over and over for the time. */
export async function closedLoop(target: Target, request: Buffer | (() => Buffer), options: { connections: number; milliseconds: number; warmupMilliseconds: number; first?: Buffer }): Promise<LoopResult> {
  const next = typeof request === 'function' ? request : (): Buffer => request;
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => connect(target)));
  const latencies: number[] = [];
  let counting = false;
  let running = true;
  const done = sockets.map(
    (socket) =>
      new Promise<void>((resolve, reject) => {
        let started = 0n;
        let due = 0;
        let seen = 0;
        let header: Buffer = Buffer.alloc(0);
        const send = (bytes: Buffer): void => {
          started = process.hrtime.bigint();
          due = seen = 0;
          header = Buffer.alloc(0);
          socket.write(bytes);
        };
        socket.on('data', (chunk: Buffer) => {
          seen += chunk.length;
          if (due === 0) {
            header = header.length === 0 ? chunk : Buffer.concat([header, chunk]);
            if (header.length < 8) return;
            due = 8 + header.readUInt32BE(4);
          }
          if (seen < due) return;
          if (counting) latencies.push(Number(process.hrtime.bigint() - started) / 1000);
          if (running) send(next());
          else resolve();
        });
        socket.once('error', reject);
        socket.once('close', () => (running ? reject(new Error('the server closed the connection')) : resolve()));
        send(options.first ?? next());
      }),
  );
  const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
  await Promise.race([pause(options.warmupMilliseconds), ...done]);
  const cpuBefore = cpuSeconds(target.pid);
  const startedAt = performance.now();
  counting = true;
  await Promise.race([pause(options.milliseconds), ...done]);
  counting = false;
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuSeconds(target.pid) - cpuBefore;
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
