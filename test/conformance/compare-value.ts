/**
 * Compares one value: literal, placeholder, or a sample that the server cannot repeat.
 *
 * Returns undefined when the value holds, else a text that says what was expected. A free value is still held to what
 * can be known of it: key material and digests to each other, output of a cipher to its length, dates to what was sent or
 * to the time of the case.
 */
import type { Item, Value } from '../harness/wire.ts';
import { childrenOf, descend } from './case-file.ts';
import type { Template } from './case-file.ts';
import type { Place } from './compare.ts';
import { outputTags, plainValue } from './session.ts';
import { literalValue, nowOffset } from './template.ts';
import { cipherOutputs, clockToleranceSeconds, freeValues, identifiers, serverDates } from './variations.ts';

function dateText(seconds: bigint | number): string {
  return new Date(Number(seconds) * 1000).toISOString();
}

function compareDate(expected: Template, value: bigint, meaning: string, place: Place): string | undefined {
  const { session } = place;
  const text = expected.value ?? '';
  const offset = nowOffset(text);
  const sent = session.datesSent(meaning, text);
  if (sent.length > 0) return sent.includes(value) ? undefined : `${text}, as it was sent: ${sent.map(dateText).join(' or ')}`;
  if (offset !== undefined) {
    const target = session.now() + offset;
    return Math.abs(Number(value) - target) <= clockToleranceSeconds ? undefined : `${text}, about ${dateText(target)}`;
  }
  if (literalValue(expected, meaning) === value) return undefined;
  if (!serverDates.has(meaning)) return text;
  // The file's date is of the day it was written. A real one is what a request said, or the time of the change.
  if (session.datesSent(meaning).includes(value)) return undefined;
  const early = session.startedAt - clockToleranceSeconds;
  const late = session.now() + clockToleranceSeconds;
  return Number(value) >= early && Number(value) <= late ? undefined : `a date that was sent for ${meaning}, or the time of the case, ${dateText(session.startedAt)}`;
}

function sameLength(expected: Value, got: Value): string | undefined {
  const length = (value: Value): number => (value instanceof Uint8Array ? value.length : String(value).length);
  return length(expected) === length(got) ? undefined : `${length(expected)} bytes, as in ${plainValue(expected)}`;
}

const materialTags: ReadonlySet<string> = new Set(['KeyMaterial', 'KeyValue', 'Key']);

/** What the server gave before where the file has this literal, if the same has to come again. */
function earlierValue(literal: Value, meaning: string, place: Place): Value | undefined {
  if (identifiers.has(meaning)) return place.session.sample(meaning, plainValue(literal));
  return materialTags.has(meaning) && place.identifier !== undefined ? place.session.sample(meaning, plainValue(literal), place.identifier) : undefined;
}

/** A literal that the server answered otherwise: undefined if it may, else what was expected. */
function comparePermitted(expected: Template, literal: Value, got: Item, meaning: string, place: Place): string | undefined {
  const { session, identifier, operation } = place;
  const value = got.value!;
  const payload = descend(place.request, 'RequestPayload');
  const made = session.serverMade(identifier);
  const nonceMade = operation === 'Encrypt' && meaning === 'IVCounterNonce' && childrenOf(payload, 'IVCounterNonce').length === 0;
  const permitted = identifiers.has(meaning)
    || (made && materialTags.has(meaning))
    || (made && operation === 'Encrypt' && cipherOutputs.has(meaning))
    || nonceMade;
  if (!permitted) return templateValueText(expected);
  const wrong = identifiers.has(meaning) ? undefined : sameLength(literal, value);
  if (wrong === undefined) session.noteSample(meaning, plainValue(literal), value, identifier);
  return wrong;
}

function templateValueText(expected: Template): string {
  return expected.type === 'TextString' ? JSON.stringify(expected.value ?? '') : (expected.value ?? '');
}

/** Material and digests of one object have to fit each other, whoever made it. */
function checkMaterial(got: Item, meaning: string, parent: Template | undefined, place: Place): string | undefined {
  const { identifier, operation, session } = place;
  if (identifier === undefined || !(got.value instanceof Uint8Array)) return undefined;
  if (meaning === 'KeyMaterial' && operation === 'Get' && place.wrapped !== true) return session.noteMaterial(identifier, got.value);
  if (meaning !== 'DigestValue') return undefined;
  if (![20, 28, 32, 48, 64].includes(got.value.length)) return 'a digest of 20, 28, 32, 48 or 64 bytes';
  const format = childrenOf(parent, 'KeyFormatType')[0]?.value ?? 'Raw';
  const isRawSha256 = got.value.length === 32 && (format === 'Raw' || format === 'Opaque');
  return isRawSha256 ? session.noteDigest(identifier, got.value) : undefined;
}

/** What is wrong with a value, as the text of what was expected; undefined when it holds. */
export function compareValue(expected: Template, got: Item, meaning: string, parent: Template | undefined, place: Place): string | undefined {
  const { session, operation } = place;
  const value = got.value!;
  const text = expected.value ?? '';
  if (outputTags.has(meaning)) session.noteOutput(meaning, value);
  if ((operation === 'Create' || operation === 'ReKey' || operation === 'DeriveKey') && meaning === 'UniqueIdentifier') session.noteMade(plainValue(value));
  const wrongMaterial = checkMaterial(got, meaning, parent, place);
  if (wrongMaterial !== undefined) return wrongMaterial;
  if (expected.type === 'DateTime') return compareDate(expected, value as bigint, meaning, place);
  if (text.startsWith('$')) return session.bind(text, value);
  if (freeValues.has(meaning) || meaning === 'DigestValue') return undefined;
  if (parent?.name === 'Digest' || (parent?.name === 'AttributeValue' && childrenOf(parent, 'DigestValue').length > 0)) {
    if ((meaning === 'HashingAlgorithm' || meaning === 'KeyFormatType') && session.serverMade(place.identifier)) return undefined;
  }
  const literal = literalValue(expected, meaning);
  const earlier = earlierValue(literal, meaning, place);
  if (earlier !== undefined) {
    return plainValue(earlier) === plainValue(value) ? undefined : `${plainValue(earlier)}, which the server gave before for the file's ${text}`;
  }
  if (plainValue(literal) === plainValue(value)) return undefined;
  return comparePermitted(expected, literal, got, meaning, place);
}
