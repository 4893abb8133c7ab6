/**
 * What a black-box test needs on the wire, in one import: the test's own TTLV codec, builders and text form, and the raw
 * TLS connection. It rests on the tables of src/kmip alone, never on the product's codec.
 */
export { decode, encode } from './ttlv.ts';
export type { Item, Value } from './ttlv.ts';
export { attribute, find, findAll, item, parse, print, request, valueText } from './text.ts';
export type { RequestItem, TagReference } from './text.ts';
export { WireConnection } from './connection.ts';
export type { ConnectionRequest, Credential } from './connection.ts';
