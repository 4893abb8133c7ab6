/**
 * Which enumeration or mask a tag's value belongs to, and values to and from their CamelCase names.
 *
 * The rule is "the enumeration of the tag's own name"; the tables hold what differs (KMIP 1.4 §3 and §9.1.3.2,
 * KMIP 2.1 §4 and §11, and the aliases that the OASIS cases use).
 */
import { enumerationTable, maskTable } from '../../src/kmip/enums.ts';
import type { EnumerationRows } from '../../src/kmip/enums.ts';
import { profileNameTable } from '../../src/kmip/profile-names.ts';
import { tagName, tagTable } from '../../src/kmip/tags.ts';
import type { TagName } from '../../src/kmip/tags.ts';

const tables: Readonly<Record<string, EnumerationRows>> = {
  ...enumerationTable,
  ...maskTable,
  ProfileName: profileNameTable,
  MaskGeneratorHashingAlgorithm: enumerationTable.HashingAlgorithm,
  ExtensionType: enumerationTable.ItemType,
  Tag: Object.fromEntries(Object.entries(tagTable).map(([name, { number }]) => [name, [number]])) as unknown as EnumerationRows,
};
const otherTable: Readonly<Record<string, string>> = { AttributeReference: 'Tag' };

/** Names in the OASIS cases that the specification's tables print differently (registry/xml-name-aliases.json). */
const aliases: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  DigitalSignatureAlgorithm: { SHA_1WithRSAEncryption: 3, SHA_256WithRSAEncryption: 5 },
  SplitKeyMethod: { PolynomialSharingGF2_8: 4 },
  MaskGenerator: { MGF1: 1 },
  ResultReason: { NotAuthorized: 57 },
  PKCS_11Function: { C_Initialize: 1, C_Finalize: 2, C_GetInfo: 3 },
  PKCS_11ReturnCode: { OK: 0 },
  CryptographicUsageMask: { ContentCommitment: 1024 },
};

const titles: ReadonlyMap<string, TagName> = new Map((Object.keys(tagTable) as TagName[]).map((name) => [tagTable[name].title, name]));

/** Tag name of a 1.x Attribute Name (`Cryptographic Usage Mask`), or undefined for a custom one. Blanks and case matter. */
export function tagOfAttributeName(title: string): TagName | undefined {
  return titles.get(title);
}

/** The number that a name stands for at a tag, or undefined. `0x` and hex digits stand for themselves. */
export function valueOfName(tag: string, name: string): number | undefined {
  if (/^0x[0-9a-f]{1,8}$/i.test(name)) return Number(name);
  const table = otherTable[tag] ?? tag;
  return tables[table]?.[name]?.[0] ?? aliases[table]?.[name];
}

/** The CamelCase name of an enumeration's value at a tag, else `0x` and eight hex digits. */
export function nameOfValue(tag: string, value: number): string {
  const table = tables[otherTable[tag] ?? tag];
  const found = table === undefined ? undefined : Object.entries(table).find(([, row]) => row[0] === value);
  return found?.[0] ?? `0x${value.toString(16).padStart(8, '0')}`;
}

export function isMask(tag: string): boolean {
  return tag in maskTable;
}

/** The sum of mask names separated by blanks, or undefined if one of them is unknown. */
export function maskOfNames(tag: string, text: string): number | undefined {
  let mask = 0;
  for (const name of text.trim().split(/\s+/)) {
    const bit = /^-?\d+$/.test(name) ? Number(name) : valueOfName(tag, name);
    if (bit === undefined) return undefined;
    mask |= bit;
  }
  return mask;
}

/** Mask names separated by blanks, bits without a name as one hex number. */
export function namesOfMask(tag: string, mask: number): string {
  const names: string[] = [];
  let rest = mask;
  for (const [name, [bit]] of Object.entries(tables[tag] ?? {})) {
    if ((mask & bit) !== 0) names.push(name);
    rest &= ~bit;
  }
  if (rest !== 0 || names.length === 0) names.push(`0x${(rest >>> 0).toString(16).padStart(8, '0')}`);
  return names.join(' ');
}

/** CamelCase name of a tag, else `0x` and six hex digits. */
export function nameOfTag(tag: number): string {
  return tagName(tag) ?? `0x${tag.toString(16).padStart(6, '0')}`;
}
