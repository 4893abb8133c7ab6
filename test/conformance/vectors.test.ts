/**
 * Byte strings of other projects and of the specification, against every TTLV codec here: the product's and the tests' own.
 *
 * A well-formed vector decodes and encodes to itself; one that is not (truncated, several items, a wrong length on purpose)
 * is refused. The XML form of a message builds to its TTLV form, which holds the reader of the cases to an outside truth.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { decodeNode, encodeNode } from '../../src/codec/node.ts';
import { requireShared } from '../harness/shared-data.ts';
import { decode, encode } from '../harness/wire.ts';
import { readMessages } from './case-file.ts';
import { Session } from './session.ts';
import { buildItem } from './template.ts';

const shared = requireShared('conformance/ttlv-vectors');

interface VectorRow {
  readonly name?: string;
  readonly context?: string;
  readonly description?: string;
  readonly id?: string;
  readonly hex?: string;
  readonly well_formed?: boolean;
  readonly ttlv_hex?: string;
  readonly request_hex?: string;
  readonly response_hex?: string;
  readonly xml?: string;
  readonly message?: string;
  readonly case?: string;
  readonly index?: number;
}

interface Vector {
  readonly label: string;
  readonly bytes: Buffer;
  readonly wellFormed: boolean;
}

/** Use Case 7.1 of the 1.0 document has a vendor's tag of 01 42 42; KMIP 1.4 §9.1.1.1 allows 42 and 54 as first byte only. */
const forbiddenTag = '0142420700000002';

function readRows(file: string): readonly VectorRow[] {
  return shared.folder === undefined ? [] : (JSON.parse(readFileSync(join(shared.folder, 'conformance/ttlv-vectors', file), 'utf8')) as { vectors: VectorRow[] }).vectors;
}

function vectorsOf(file: string): Vector[] {
  return readRows(file).flatMap((row) => {
    const label = [row.context, row.name ?? row.description, row.case, row.id, row.index].filter((part) => part !== undefined && part !== '').join(' ');
    const texts = [row.hex, row.ttlv_hex, row.request_hex, row.response_hex].filter((text) => text !== undefined);
    return texts.map((text) => ({ label, bytes: Buffer.from(text, 'hex'), wellFormed: row.well_formed !== false && !text.includes(forbiddenTag) }));
  });
}

const files = [
  'spec-9.1.2-examples.json', 'message-encodings-xml-json-ttlv.json', 'usecases-1.0-request-response.json', 'pykmip-unit-bytes.json',
  'libkmip-unit-bytes.json', 'nlnetlabs-kmip-protocol-messages.json', 'nlnetlabs-kmip-ttlv.json', 'libmongocrypt-kmip-messages.json',
];

/** Decodes and encodes again; throws where the bytes are malformed. */
const codecs: readonly { readonly name: string; roundTrip(bytes: Buffer): Uint8Array }[] = [
  { name: "the product's codec", roundTrip: (bytes) => encodeNode(decodeNode(bytes)) },
  { name: "the tests' own codec", roundTrip: (bytes) => encode(decode(bytes)) },
];

for (const codec of codecs) {
  for (const file of files) {
    test(`${codec.name} takes what is well-formed in ${file} and refuses the rest`, { skip: shared.skip }, () => {
      const vectors = vectorsOf(file);
      assert.ok(vectors.length > 0);
      for (const { label, bytes, wellFormed } of vectors) {
        if (wellFormed) assert.equal(Buffer.from(codec.roundTrip(bytes)).toString('hex'), bytes.toString('hex'), label);
        else assert.throws(() => codec.roundTrip(bytes), `${label}: ${bytes.toString('hex')} was taken`);
      }
    });
  }
}

/** `TimeStamp` items as zero: in six responses of the document the XML's differs from the TTLV's. */
function withoutTimeStamp(hex: string): string {
  return hex.replace(/(4200920900000008)[0-9a-f]{16}/g, '$10000000000000000');
}

test('the XML form of each message builds to its TTLV form', { skip: shared.skip }, () => {
  for (const { xml, ttlv_hex: hex, case: name, index } of readRows('message-encodings-xml-json-ttlv.json')) {
    const [message] = readMessages(`<KMIP>${xml}</KMIP>`, 10);
    const built = encode(buildItem(message!.message, new Session())).toString('hex');
    assert.equal(withoutTimeStamp(built), withoutTimeStamp(hex!.toLowerCase()), `${name} message ${index}`);
  }
});
