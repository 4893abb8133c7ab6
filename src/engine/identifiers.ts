/**
 * Which object a batch item means: its own text, the ID Placeholder, or in 2.x a reference to what an earlier item of the
 * batch answered (KMIP 1.4 §4, KMIP 2.1 §4.58 and §6).
 *
 * The ID Placeholder lives as long as the batch. An item without an identifier while it is empty fails with Item Not
 * Found, as after a Locate that found nothing (OASIS TC-152).
 */
import { Operation, UniqueIdentifierValue, enumerationValueName } from '../kmip/enums.ts';
import { KmipError } from '../kmip/result.ts';
import type { IdentifierReference } from '../kmip/schema.ts';

/** Bytes of the longest identifier that a client may name; ours have 36 characters, imported ones may be longer. */
export const identifierLengthMax = 1024;

export class BatchIdentifiers {
  placeholder: string | undefined;
  /** Identifiers in the response so far, in order. */
  readonly #answered: string[] = [];
  readonly #byOperation = new Map<number, string>();

  /** Takes note of what an item answered. */
  answered(operation: number, response: unknown): void {
    const found = (response as { readonly uniqueIdentifier?: string | readonly string[] }).uniqueIdentifier;
    if (found === undefined) return;
    const all = typeof found === 'string' ? [found] : found;
    for (const each of all) this.#answered.push(each);
    if (all[0] !== undefined) this.#byOperation.set(operation, all[0]);
  }

  resolve(requested: string | IdentifierReference | undefined): string {
    const found = this.#find(requested);
    if (found.length > identifierLengthMax) throw new KmipError('InvalidField', `a Unique Identifier of ${found.length} characters; at most ${identifierLengthMax} are taken`);
    return found;
  }

  #find(requested: string | IdentifierReference | undefined): string {
    if (typeof requested === 'string') return requested;
    if (requested?.batchIndex !== undefined) {
      // Counted from the first identifier of the response, or backwards from this item when negative.
      const found = this.#answered.at(requested.batchIndex);
      if (found !== undefined) return found;
      throw new KmipError('ObjectNotFound', `Unique Identifier ${requested.batchIndex} of this batch is wanted; ${this.#answered.length} have been answered so far`);
    }
    const kind = requested?.placeholder ?? UniqueIdentifierValue.IDPlaceholder;
    if (kind === UniqueIdentifierValue.IDPlaceholder) {
      if (this.placeholder !== undefined) return this.placeholder;
      throw new KmipError('ObjectNotFound', 'the request names no Unique Identifier, and the ID Placeholder is empty');
    }
    const name = enumerationValueName('UniqueIdentifier', kind) ?? '';
    const found = this.#byOperation.get((Operation as Readonly<Record<string, number>>)[name] ?? 0);
    if (found !== undefined) return found;
    throw new KmipError('ObjectNotFound', `Unique Identifier of the last ${name} is wanted, but no ${name} of this batch has answered one`);
  }
}
