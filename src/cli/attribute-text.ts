/**
 * Attribute values as text for people, by the attribute table.
 */
import { attributeRule } from '../kmip/attribute-table.ts';
import type { AttributeInstance } from '../kmip/attributes.ts';
import { enumerationValueName, maskTable } from '../kmip/enums.ts';
import type { EnumerationName, EnumerationRows, MaskName } from '../kmip/enums.ts';

function maskText(name: MaskName, value: number): string {
  const bits = Object.entries(maskTable[name] as EnumerationRows).filter(([, row]) => (value & row[0]) !== 0);
  return bits.length === 0 ? '0' : bits.map(([bit]) => bit).join(' ');
}

function plain(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain).join(', ');
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, each]) => each !== undefined);
    const first = fields[0];
    // A Name is its text for everybody but a parser.
    if (first?.[0] === 'nameValue') return String(first[1]);
    return fields.map(([name, each]) => `${name} ${plain(each)}`).join(', ');
  }
  return String(value);
}

export function describeAttribute(instance: AttributeInstance): string {
  const type = attributeRule(instance.name)?.type as { kind: string; enumeration?: EnumerationName; mask?: MaskName } | undefined;
  const { value } = instance;
  if (typeof value === 'number') {
    if (type?.enumeration !== undefined) return enumerationValueName(type.enumeration, value) ?? `0x${value.toString(16)}`;
    if (type?.mask !== undefined) return maskText(type.mask, value);
    if (type?.kind === 'dateTime') return new Date(value * 1000).toISOString();
  }
  if (typeof value === 'object' && value !== null && 'tag' in value && 'value' in value) return plain(value.value);
  return plain(value);
}
