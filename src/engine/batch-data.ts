/**
 * The Data that the items of a batch have put out, for later items to take up (KMIP 2.1 §7.9 and §11.13). With
 * Ephemeral it never leaves the server: decrypting with one key and encrypting with another takes one message.
 */
import { DataValue } from '../kmip/enums.ts';
import { KmipError } from '../kmip/result.ts';

export class BatchData {
  readonly #all: Uint8Array[] = [];
  readonly #byOperation = new Map<string, Uint8Array>();

  /** Takes note of what an item answered. */
  answered(operationName: string, response: unknown): void {
    const { data } = response as { readonly data?: unknown };
    if (!(data instanceof Uint8Array)) return;
    this.#all.push(data);
    this.#byOperation.set(operationName, data);
  }

  earlier({ kind, place }: { readonly kind?: number; readonly place?: number }): Uint8Array {
    const name = Object.entries(DataValue).find(([, value]) => value === kind)?.[0] ?? '';
    const found = place === undefined ? this.#byOperation.get(name) : this.#all.at(place);
    if (found !== undefined) return found;
    throw new KmipError('InvalidField', place === undefined ? `no ${name} of this batch has put out Data` : `Data ${place} of this batch is wanted; ${this.#all.length} have been put out so far`);
  }
}
