/**
 * The structured log: one JSON line an event on standard error (pino), from every thread.
 *
 * Invariant: no secret is ever a field: no key material, no message bytes, no private key, no token. Messages are
 * sentences for an operator; what varies is a field. Human text of the first start goes to standard output instead.
 */
import { pino } from 'pino';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What the rooms see of the log, so that a test can give another. */
export interface Log {
  fatal(fields: object, message: string): void;
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

const standardError = 2;

/** A log of this thread. Writes at once: the last line before an end is the one that matters. */
export function createLog(level: LogLevel, fields: Readonly<Record<string, unknown>> = {}): Log {
  return pino(
    { level, base: { pid: process.pid, ...fields }, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: pino.stdSerializers.err }, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ fd: standardError, sync: true }),
  );
}

export const silentLog: Log = { fatal() {}, error() {}, warn() {}, info() {}, debug() {} };
