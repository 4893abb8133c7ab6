/**
 * TTLV bytes of what operations hash or wrap, by the codec (KMIP 1.4 §2.1.4, §3.17).
 */
import { encodeNode } from '../codec/node.ts';
import { TtlvWriter, readRows, readStructure, writeStructure } from '../codec/ttlv.ts';
import { keyValue as keyValueStructure } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import { Tag } from '../kmip/tags.ts';
import type { EncodingPort } from '../operations/context.ts';

export const encodings: EncodingPort = {
  encodeItem: encodeNode,
  encodeKeyValue(keyValue, version) {
    const writer = new TtlvWriter();
    writeStructure(writer, keyValueStructure, keyValue, version);
    return writer.bytes();
  },
  decodeKeyValue(bytes, version) {
    const rows = readRows(bytes);
    if (rows.tag(0) !== Tag.KeyValue) throw new KmipError('InvalidField', 'the bytes are no Key Value');
    return readStructure(rows, 0, keyValueStructure, version);
  },
};
