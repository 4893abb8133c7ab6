/**
 * Fault: something outside the protocol went wrong (disk, configuration, network, a file that is not ours).
 *
 * Invariant: `code` is stable and greppable (`E_…`), the message is for the operator and names the thing, what was
 * found and what is allowed, and holds no secret. A client never reads it: it sees General Failure and a correlation
 * id. Failures that a client is meant to read are KmipErrors (kmip/result.ts); bugs are assertions.
 */
export interface FaultOptions {
  readonly cause?: unknown;
  /** True where the same call may succeed later without anybody doing anything. */
  readonly retryable?: boolean;
}

export class Fault extends Error {
  readonly code: `E_${string}`;
  readonly retryable: boolean;

  constructor(code: `E_${string}`, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
