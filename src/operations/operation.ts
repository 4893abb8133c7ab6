/**
 * The contract of an operation: data that every other room derives from (codec, dispatch, Query, permissions, metric
 * labels, client methods, docs), and `plan`, which decides and never acts.
 *
 * `plan` gives the response and the mutations that make it true. It fails with a KmipError whose reason is in `reasons`.
 */
import type { ResultReasonName } from '../kmip/result.ts';
import type { Fields, Infer, StructureType } from '../kmip/schema.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { Context } from './context.ts';

/** reads and computes run on any thread of any node; mutates runs where the log is written. */
export type Effect = 'reads' | 'computes' | 'mutates';

export interface Plan<Response> {
  readonly response: Response;
  readonly mutations?: readonly Mutation[];
  /** What the ID Placeholder holds after this item, where the operation sets it; present and undefined: it is empty. */
  readonly placeholder?: string | undefined;
}

export interface Operation<
  Request extends StructureType<Fields> = StructureType<Fields>,
  Response extends StructureType<Fields> = StructureType<Fields>,
  Name extends string = string,
> {
  /** CamelCase name of the Operation enumeration value. */
  readonly name: Name;
  /** Operation enumeration value. */
  readonly code: number;
  readonly since: number;
  readonly until?: number;
  readonly effect: Effect;
  /** `operation_…` name that a role has to hold; undefined: anyone may (Discover Versions, Query). */
  readonly permission?: string;
  /** For test programs: a role that names this may too, its clients' Query alone lists the operation, and to who may not it does not exist (Interop). */
  readonly testPermission?: string;
  /** A failure leaves the ID Placeholder empty (Check), so that what comes after in the batch fails too. */
  readonly emptiesPlaceholderOnFailure?: boolean;
  readonly request: Request;
  readonly response: Response;
  /** Result Reasons that may escape; the engine asserts it. */
  readonly reasons: readonly ResultReasonName[];
  plan(context: Context, request: Infer<Request>): Plan<Infer<Response>> | Promise<Plan<Infer<Response>>>;
}

/** Identity function that infers the types (and the literal name) of one operation. */
export function operation<Request extends StructureType<Fields>, Response extends StructureType<Fields>, const Name extends string>(
  definition: Operation<Request, Response, Name>,
): Operation<Request, Response, Name> {
  return definition;
}
