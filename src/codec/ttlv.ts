/**
 * The typed codec in one import: structures of the schema language from rows, and to bytes.
 */
export { readItem, readStructure } from './read.ts';
export { readRows } from './rows-plain.ts';
export type { RowLimits, RowTable } from './rows-plain.ts';
export { writeFields, writeItem, writeStructure } from './write.ts';
export { TtlvWriter } from './writer.ts';
export type { WriterOptions } from './writer.ts';
