// Writes tags.gen.ts: run `node core/generate-tags.ts` after a change of the list below. Role: the tags and item types
// that the fast path knows, taken from the tables in src/kmip, which alone declare them; a test compares file and tables.
// Reads those files as text, since core/ imports nothing outside itself.

import { readFileSync, writeFileSync } from 'node:fs';

const TAGS = [
  'RequestMessage', 'RequestHeader', 'ProtocolVersion', 'ProtocolVersionMajor', 'ProtocolVersionMinor', 'MaximumResponseSize',
  'ClientCorrelationValue', 'BatchErrorContinuationOption', 'BatchOrderOption', 'TimeStamp', 'BatchCount', 'BatchItem', 'Operation',
  'UniqueBatchItemID', 'RequestPayload', 'UniqueIdentifier', 'CryptographicParameters', 'Data', 'IVCounterNonce',
  'AuthenticatedEncryptionAdditionalData', 'AuthenticatedEncryptionTag', 'BlockCipherMode', 'PaddingMethod', 'CryptographicAlgorithm',
  'RandomIV', 'IVLength', 'TagLength', 'FixedFieldLength', 'InvocationFieldLength', 'CounterLength', 'InitialCounterValue',
  'ResponseMessage', 'ResponseHeader', 'ResultStatus', 'ResponsePayload',
];

/** `IVCounterNonce` → `IV_COUNTER_NONCE`. */
function constantName(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2').toUpperCase();
}

function source(file: string): string {
  return readFileSync(new URL(`../src/kmip/${file}`, import.meta.url), 'utf8');
}

/** Text of tags.gen.ts. */
export function tagsText(): string {
  const tags = source('tags.ts');
  const types = source('item-types.ts');
  const lines = [
    '// Tags and item types that the fast path knows. Written by generate-tags.ts from src/kmip; not to be edited.',
    '',
  ];
  for (const name of TAGS) {
    const found = new RegExp(`^  ${name}: row\\((0x[0-9a-f]{6}),`, 'm').exec(tags);
    if (found === null) throw new Error(`src/kmip/tags.ts has no row ${name}`);
    lines.push(`export const TAG_${constantName(name)}: u32 = ${found[1]};`);
  }
  lines.push('');
  for (const [, name, number] of types.matchAll(/^  ([A-Z]\w+): (0x[0-9a-f]{2}),/gm)) lines.push(`export const TYPE_${constantName(name!)}: u32 = ${number};`);
  return `${lines.join('\n')}\n`;
}

if (import.meta.main) writeFileSync(new URL('./tags.gen.ts', import.meta.url), tagsText());
