/**
 * Fault: something outside the request failed (disk, file, network, configuration).
 *
 * One of the three kinds of error that never mix: a KmipError is meant for the client, a Fault for the operator,
 * a bug is an assertion. Invariant: the `code` is stable and may be searched for; the message names the thing, what
 * was found and what is allowed, and holds no secret. A client that meets a Fault reads General Failure only.
 */
export type FaultCode = `E_${string}`;

export interface FaultOptions {
  /** What lies beneath; kept for the log. */
  readonly cause?: unknown;
  /** True when the same attempt may succeed later. */
  readonly retryable?: boolean;
}

export class Fault extends Error {
  readonly code: FaultCode;
  readonly retryable: boolean;

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
