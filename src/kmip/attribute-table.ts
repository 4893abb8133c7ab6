/**
 * Every attribute of KMIP 1.0 to 2.1 with its rules, one row each (KMIP 1.4 §3, KMIP 2.1 §4).
 *
 * The columns are those of the specification's Attribute Rules tables; where versions differ, the newest version that
 * has the attribute decides (Fresh always has a value, say), and the object types are the widest of all versions:
 * what one version lets an object carry, no other may lose. Conditions on states and dates stand in the operations.
 * Title and tag of an attribute are those of its row in `tags.ts`.
 */
import type { AttributeRule, SetBy } from './attributes.ts';
import { ObjectType } from './enums.ts';
import * as objects from './objects.ts';
import { anyItem, boolean, byteString, dateTime, enumeration, integer, interval, mask, textString } from './schema.ts';
import type { FieldType, Infer } from './schema.ts';
import { Tag, tagTable } from './tags.ts';
import type { TagName } from './tags.ts';

type Row<Type> = Omit<AttributeRule<Type>, 'title'>;

interface RowExtras {
  /** Last version that has the attribute. */
  until?: number;
  objectTypes?: readonly number[];
  /** A client may say it in Create or Register though the rule has the server set it: Cryptographic Length, say. */
  givenAtCreation?: boolean;
}

const yes = true;
const no = false;

function row<Type extends FieldType>(
  type: Type, since: number, alwaysHasValue: boolean, setBy: SetBy, modifiableByServer: boolean, modifiableByClient: boolean, deletableByClient: boolean,
  multiple: boolean, extras: RowExtras = {},
): Row<Type> {
  return {
    type, since, until: extras.until ?? 99, alwaysHasValue, setBy, givenAtCreation: extras.givenAtCreation ?? setBy !== 'server',
    modifiableByServer, modifiableByClient, deletableByClient, multiple, objectTypes: extras.objectTypes ?? 'all',
  };
}

const certificates = [ObjectType.Certificate];
/** Certificate Attributes of KMIP 2.1 §4.6 (Certificate Subject CN …), all of one rule; 1.4 has their tags, and cases that use them. */
const certificateText = row(textString, 14, no, 'server', no, no, no, yes, { objectTypes: certificates });

const rows = {
  //                                                               since always set by   by server, client changed; deleted; multiple
  UniqueIdentifier: row(textString,                                   10, yes, 'server', no,  no,  no,  no),
  Name: row(objects.nameStructure,                                    10, no,  'client', yes, yes, yes, yes),
  ObjectType: row(enumeration('ObjectType'),                          10, yes, 'server', no,  no,  no,  no),
  CryptographicAlgorithm: row(enumeration('CryptographicAlgorithm'),  10, yes, 'server', no,  no,  no,  no, { givenAtCreation: true }),
  CryptographicLength: row(integer,                                   10, yes, 'server', no,  no,  no,  no, { givenAtCreation: true }),
  CryptographicParameters: row(objects.cryptographicParameters,       10, no,  'client', no,  yes, yes, yes),
  CryptographicDomainParameters: row(objects.cryptographicDomainParameters, 10, no, 'client', no, no, no, no, { objectTypes: [ObjectType.PublicKey, ObjectType.PrivateKey] }),
  CertificateType: row(enumeration('CertificateType'),                10, yes, 'server', no,  no,  no,  no, { objectTypes: certificates, givenAtCreation: true }),
  CertificateLength: row(integer,                                     11, yes, 'server', no,  no,  no,  no, { objectTypes: certificates }),
  X_509CertificateIdentifier: row(objects.x509CertificateIdentifier,  11, yes, 'server', no,  no,  no,  no, { objectTypes: certificates }),
  X_509CertificateSubject: row(objects.x509CertificateSubject,        11, yes, 'server', no,  no,  no,  no, { objectTypes: certificates }),
  X_509CertificateIssuer: row(objects.x509CertificateIssuer,          11, yes, 'server', no,  no,  no,  no, { objectTypes: certificates }),
  CertificateIdentifier: row(objects.certificateIdentifier,           10, yes, 'server', no,  no,  no,  no, { until: 14, objectTypes: certificates }),
  CertificateSubject: row(objects.certificateSubject,                 10, yes, 'server', no,  no,  no,  no, { until: 14, objectTypes: certificates }),
  CertificateIssuer: row(objects.certificateIssuer,                   10, yes, 'server', no,  no,  no,  no, { until: 14, objectTypes: certificates }),
  DigitalSignatureAlgorithm: row(enumeration('DigitalSignatureAlgorithm'), 11, yes, 'server', no, no, no, yes, { objectTypes: [ObjectType.Certificate, ObjectType.PGPKey] }),
  Digest: row(objects.digest,                                         10, yes, 'server', no,  no,  no,  yes),
  OperationPolicyName: row(textString,                                10, no,  'either', yes, no,  no,  no, { until: 14 }),
  CryptographicUsageMask: row(mask('CryptographicUsageMask'),         10, yes, 'either', yes, no,  no,  no),
  LeaseTime: row(interval,                                            10, no,  'server', yes, no,  no,  no),
  UsageLimits: row(objects.usageLimits,                               10, no,  'either', yes, yes, yes, no),
  State: row(enumeration('State'),                                    10, yes, 'server', yes, no,  no,  no),
  InitialDate: row(dateTime,                                          10, yes, 'server', no,  no,  no,  no),
  ActivationDate: row(dateTime,                                       10, no,  'either', yes, yes, no,  no),
  ProcessStartDate: row(dateTime,                                     10, no,  'either', yes, yes, no,  no),
  ProtectStopDate: row(dateTime,                                      10, no,  'either', yes, yes, no,  no),
  DeactivationDate: row(dateTime,                                     10, no,  'either', yes, yes, no,  no),
  DestroyDate: row(dateTime,                                          10, no,  'server', no,  no,  no,  no),
  CompromiseOccurrenceDate: row(dateTime,                             10, no,  'server', no,  no,  no,  no),
  CompromiseDate: row(dateTime,                                       10, no,  'server', no,  no,  no,  no),
  RevocationReason: row(objects.revocationReason,                     10, no,  'server', yes, no,  no,  no),
  ArchiveDate: row(dateTime,                                          10, no,  'server', no,  no,  no,  no),
  ObjectGroup: row(textString,                                        10, no,  'either', yes, yes, yes, yes),
  Fresh: row(boolean,                                                 11, yes, 'either', yes, no,  no,  no),
  Link: row(objects.link,                                             10, no,  'either', yes, yes, yes, yes),
  ApplicationSpecificInformation: row(objects.applicationSpecificInformation, 10, no, 'either', yes, yes, yes, yes),
  ContactInformation: row(textString,                                 10, no,  'either', yes, yes, yes, no),
  LastChangeDate: row(dateTime,                                       10, yes, 'server', yes, no,  no,  no),
  AlternativeName: row(objects.alternativeName,                       12, no,  'client', yes, yes, yes, yes),
  KeyValuePresent: row(boolean,                                       12, no,  'server', no,  no,  no,  no),
  KeyValueLocation: row(objects.keyValueLocation,                     12, no,  'client', no,  yes, yes, yes),
  OriginalCreationDate: row(dateTime,                                 12, no,  'either', no,  no,  no,  no),
  RandomNumberGenerator: row(objects.rngParameters,                   13, no,  'either', no,  no,  no,  no),
  PKCS_12FriendlyName: row(textString,                                14, no,  'either', no,  yes, yes, no),
  Description: row(textString,                                        14, no,  'either', yes, yes, yes, no),
  Comment: row(textString,                                            14, no,  'either', yes, yes, yes, no),
  Sensitive: row(boolean,                                             14, yes, 'either', yes, yes, no,  no),
  AlwaysSensitive: row(boolean,                                       14, yes, 'server', yes, no,  no,  no),
  Extractable: row(boolean,                                           14, yes, 'either', yes, yes, no,  no),
  NeverExtractable: row(boolean,                                      14, yes, 'server', yes, no,  no,  no),
  KeyFormatType: row(enumeration('KeyFormatType'),                    20, yes, 'server', no,  no,  no,  no, { givenAtCreation: true }),
  NISTKeyType: row(enumeration('NISTKeyType'),                        20, no,  'client', no,  no,  no,  yes),
  OpaqueDataType: row(enumeration('OpaqueDataType'),                  20, yes, 'server', no,  no,  no,  no, { objectTypes: [ObjectType.OpaqueObject] }),
  ProtectionLevel: row(enumeration('ProtectionLevel'),                20, no,  'client', no,  yes, yes, no),
  ProtectionPeriod: row(interval,                                     20, no,  'client', no,  yes, yes, no),
  ProtectionStorageMask: row(mask('ProtectionStorageMask'),           20, yes, 'server', no,  no,  no,  no, { givenAtCreation: true }),
  QuantumSafe: row(boolean,                                           20, no,  'client', no,  yes, yes, no),
  ShortUniqueIdentifier: row(byteString,                              20, yes, 'server', no,  no,  no,  no),
  RotateInterval: row(interval,                                       21, no,  'either', yes, no,  no,  no),
  RotateAutomatic: row(boolean,                                       21, no,  'either', yes, no,  no,  no),
  RotateOffset: row(interval,                                         21, no,  'either', yes, no,  no,  no),
  RotateDate: row(dateTime,                                           21, no,  'server', no,  no,  no,  no),
  RotateGeneration: row(integer,                                      21, no,  'server', no,  no,  no,  no),
  RotateName: row(objects.rotateName,                                 21, no,  'client', no,  yes, yes, no),
  RotateLatest: row(boolean,                                          21, no,  'server', yes, no,  no,  no),
  CertificateSubjectCN: certificateText,
  CertificateSubjectO: certificateText,
  CertificateSubjectOU: certificateText,
  CertificateSubjectEmail: certificateText,
  CertificateSubjectC: certificateText,
  CertificateSubjectST: certificateText,
  CertificateSubjectL: certificateText,
  CertificateSubjectUID: certificateText,
  CertificateSubjectSerialNumber: certificateText,
  CertificateSubjectTitle: certificateText,
  CertificateSubjectDC: certificateText,
  CertificateSubjectDNQualifier: certificateText,
  CertificateIssuerCN: certificateText,
  CertificateIssuerO: certificateText,
  CertificateIssuerOU: certificateText,
  CertificateIssuerEmail: certificateText,
  CertificateIssuerC: certificateText,
  CertificateIssuerST: certificateText,
  CertificateIssuerL: certificateText,
  CertificateIssuerUID: certificateText,
  CertificateIssuerSerialNumber: certificateText,
  CertificateIssuerTitle: certificateText,
  CertificateIssuerDC: certificateText,
  CertificateIssuerDNQualifier: certificateText,
} as const satisfies Partial<Record<TagName, Row<FieldType>>>;

export type AttributeName = keyof typeof rows;

/** In-memory type of each attribute's value. */
export type AttributeTypes = { readonly [Name in AttributeName]: Infer<(typeof rows)[Name]['type']> };

/** Every attribute's name, in the order of the specification. */
export const attributeNameList = Object.keys(rows) as readonly AttributeName[];

export const attributeTable: Readonly<Record<AttributeName, AttributeRule<FieldType>>> = Object.fromEntries(
  attributeNameList.map((name) => [name, { title: tagTable[name].title, ...rows[name] }]),
) as Record<AttributeName, AttributeRule<FieldType>>;

/** Custom attributes a client makes: `x-…`, or a vendor's own (KMIP 1.4 §3.39, KMIP 2.1 §4.60). */
export const clientCustomRule: AttributeRule<FieldType> = { title: 'Custom Attribute', ...row(anyItem, 10, no, 'client', no, yes, yes, yes) };

/** Custom attributes the server makes: `y-…`. */
export const serverCustomRule: AttributeRule<FieldType> = { title: 'Custom Attribute', ...row(anyItem, 10, no, 'server', yes, no, no, yes) };

/** True for the canonical names of custom attributes: `x-…`, `y-…`, `vendor:name`. */
export function isCustomAttribute(name: string): boolean {
  return name.startsWith('x-') || name.startsWith('y-') || name.includes(':');
}

export function isAttributeName(name: string): name is AttributeName {
  return Object.hasOwn(attributeTable, name);
}

/** Rule of an attribute by its canonical name, custom ones included; undefined for a name that is neither. */
export function attributeRule(name: string): AttributeRule<FieldType> | undefined {
  if (isAttributeName(name)) return attributeTable[name];
  if (!isCustomAttribute(name)) return undefined;
  return name.startsWith('y-') || name.startsWith('y:') ? serverCustomRule : clientCustomRule;
}

const nameByTag: ReadonlyMap<number, AttributeName> = new Map(attributeNameList.map((name) => [Tag[name], name]));
const nameByTitle: ReadonlyMap<string, AttributeName> = new Map(attributeNameList.map((name) => [tagTable[name].title, name]));

export function attributeByTag(tag: number): AttributeName | undefined {
  return nameByTag.get(tag);
}

/** Attribute by the Attribute Name of 1.x messages, letter for letter: `Cryptographic Length`. */
export function attributeByTitle(title: string): AttributeName | undefined {
  return nameByTitle.get(title);
}

/** True where messages of the version know the attribute; custom ones belong to every version. */
export function versionHasAttribute(name: string, version: number): boolean {
  const rule = attributeRule(name);
  return rule !== undefined && version >= rule.since && version <= rule.until;
}
