/**
 * What a load run reads of every answer: how each item ended, and which objects it made. A full reading costs more than
 * the server's own work, so this walks over the items' heads and skips what is in them; the checker reads a share in full.
 *
 *     Response Message { Response Header, Batch Item { …, Result Status, Result Reason, …, Response Payload { Unique Identifier … } } … }
 */
import { ResultReason, ResultStatus, enumerationValueName } from '../../kmip/enums.ts';
import { Tag } from '../../kmip/tags.ts';

const headLength = 8;

export interface ScannedAnswer {
  readonly items: number;
  /** Result Reason of each failed item. */
  readonly failures: readonly number[];
  readonly identifiers: readonly string[];
}

const none: readonly never[] = [];

/** Walks over an answer; throws a RangeError when it ends too soon, an Error when it is no Response Message. */
export function scanAnswer(bytes: Uint8Array, wantsIdentifiers: boolean): ScannedAnswer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tagAt = (offset: number): number => view.getUint32(offset) >>> 8;
  // Always forward, whatever length is declared: the next look beyond the bytes ends the walk.
  const after = (offset: number): number => offset + headLength + Math.ceil(view.getUint32(offset + 4) / 8) * 8;
  if (tagAt(0) !== Tag.ResponseMessage) throw new Error('the answer is no Response Message');
  const end = after(0);
  if (end !== bytes.length) throw new RangeError(`the answer says ${end} bytes, ${bytes.length} came`);
  let items = 0;
  let failures: number[] | undefined;
  let identifiers: string[] | undefined;
  let offset = headLength;
  for (; offset < end; offset = after(offset)) {
    if (tagAt(offset) !== Tag.BatchItem) continue;
    items += 1;
    let status = -1;
    let reason: number = ResultReason.GeneralFailure;
    const itemEnd = after(offset);
    for (let field = offset + headLength; field < itemEnd; field = after(field)) {
      const tag = tagAt(field);
      if (tag === Tag.ResultStatus) status = view.getUint32(field + headLength);
      else if (tag === Tag.ResultReason) reason = view.getUint32(field + headLength);
      else if (wantsIdentifiers && tag === Tag.ResponsePayload) {
        for (let inner = field + headLength; inner < after(field); inner = after(inner)) {
          if (tagAt(inner) !== Tag.UniqueIdentifier) continue;
          (identifiers ??= []).push(Buffer.from(bytes.buffer, bytes.byteOffset + inner + headLength, view.getUint32(inner + 4)).toString());
        }
      }
    }
    if (status !== ResultStatus.Success) (failures ??= []).push(reason);
  }
  if (offset !== end) throw new RangeError('the answer has an item that ends beyond it');
  return { items, failures: failures ?? none, identifiers: identifiers ?? none };
}

export function reasonName(reason: number): string {
  return enumerationValueName('ResultReason', reason) ?? `0x${reason.toString(16).padStart(8, '0')}`;
}
