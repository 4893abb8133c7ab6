/**
 * One Response Batch Item on its way, and how many bytes it takes (KMIP 1.4 §7.2 Table 285).
 *
 * Invariant: a failure always has Result Reason and Result Message: clients of the field crash without either. The
 * payload is encoded as soon as it is known, so that sizes are exact.
 */
import type { OutgoingResponseItem } from '../codec/message.ts';
import { ResultStatus } from '../kmip/enums.ts';
import { KmipError, reasonFor } from '../kmip/result.ts';
import type { ProtocolVersion } from '../kmip/version.ts';

/** The fields of a Request Batch Item that its answer echoes. */
export interface Echo {
  readonly operation?: number;
  readonly uniqueBatchItemID?: Uint8Array;
}

export type Answer = OutgoingResponseItem & { readonly payload?: Uint8Array };

/** Response Message, Response Header, Protocol Version with two Integers, Time Stamp and Batch Count. */
export const headerBytes = 8 + 8 + (8 + 16 + 16) + 16 + 16;
const structureBytes = 8;
const fixedItemBytes = 16;
/** A Text String of n characters takes up to 3n bytes; what is cut is cut by bytes. */
const messageBytesMax = 1024;

export function success(echo: Echo, payload: Uint8Array): Answer {
  return { ...echoOf(echo), resultStatus: ResultStatus.Success, payload };
}

export function failure(echo: Echo, error: KmipError, version: ProtocolVersion): Answer {
  return {
    ...echoOf(echo),
    resultStatus: ResultStatus.OperationFailed,
    resultReason: reasonFor(error, version),
    resultMessage: cut(error.message, messageBytesMax),
  };
}

/** The answer of an item that was done and had to be undone: its payload stays (OASIS BL-M-2-21) unless something was used up for it. */
export function undone(answer: Answer, keepsPayload: boolean): Answer {
  const { payload, ...rest } = answer;
  return { ...rest, resultStatus: ResultStatus.OperationUndone, ...(keepsPayload && payload !== undefined ? { payload } : {}) };
}

export function answerBytes(answer: Answer): number {
  return (
    structureBytes +
    (answer.operation === undefined ? 0 : fixedItemBytes) +
    (answer.uniqueBatchItemID === undefined ? 0 : stringBytes(answer.uniqueBatchItemID.length)) +
    fixedItemBytes +
    (answer.resultReason === undefined ? 0 : fixedItemBytes) +
    (answer.resultMessage === undefined ? 0 : stringBytes(Buffer.byteLength(answer.resultMessage))) +
    (answer.payload?.length ?? 0)
  );
}

/** Bytes of the shortest failure that echoes this. */
export function leastFailureBytes(echo: Echo): number {
  return answerBytes({ ...echoOf(echo), resultStatus: 0, resultReason: 0, resultMessage: '' });
}

/** The failure with its message cut so that it takes no more than this; never shorter than no text at all. */
export function fitted(answer: Answer, bytesMax: number): Answer {
  if (answer.resultMessage === undefined || answerBytes(answer) <= bytesMax) return answer;
  const room = Math.floor((bytesMax - answerBytes({ ...answer, resultMessage: '' })) / 8) * 8;
  return { ...answer, resultMessage: cut(answer.resultMessage, Math.max(0, room)) };
}

function stringBytes(length: number): number {
  return 8 + Math.ceil(length / 8) * 8;
}

/** Cut at a character's end, so that what is left is UTF-8. */
function cut(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytesMax));
  return text.slice(0, read);
}

function echoOf(echo: Echo): Echo {
  return {
    ...(echo.operation === undefined ? {} : { operation: echo.operation }),
    ...(echo.uniqueBatchItemID === undefined ? {} : { uniqueBatchItemID: echo.uniqueBatchItemID }),
  };
}
