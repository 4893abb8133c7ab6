/**
 * What a client reads when the server itself failed: General Failure and a correlation id, nothing of the inside (DESIGN §9).
 * The error goes to the environment's report under the same id.
 */
import { KmipError } from '../kmip/result.ts';
import type { EngineEnvironment } from './environment.ts';

const correlationBytes = 8;

export function internalError(environment: EngineEnvironment, operation: string | undefined, error: unknown): KmipError {
  const correlationId = Buffer.from(environment.random(correlationBytes)).toString('hex');
  environment.report?.({ correlationId, operation, error });
  return new KmipError('InternalServerError', `internal error; the server's log has it under ${correlationId}`, 'GeneralFailure');
}
