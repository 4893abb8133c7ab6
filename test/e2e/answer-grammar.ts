/**
 * What an answer may hold, field by field and in order: response header, batch item and the payload of each operation
 * (KMIP 1.4 §4 and §7.2, KMIP 2.1 §6 and §9).
 *
 * It is written from the specification's tables and is no copy of the product's schemas, so that it can judge them.
 * Versions are written 10 for 1.0 … 21 for 2.1. A field outside its versions, out of order, or not listed is a fault:
 * the strict clients (PyKMIP, the libkmip family) fail on each of them.
 */
export interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly since: number;
  readonly until: number;
}

const field = (name: string, least: number, most: number, since = 10, until = 99): Field => ({ name, least, most, since, until });
const one = (name: string, since?: number, until?: number): Field => field(name, 1, 1, since, until);
const maybe = (name: string, since?: number, until?: number): Field => field(name, 0, 1, since, until);
const many = (name: string, since?: number, until?: number): Field => field(name, 0, Infinity, since, until);

const identifier = one('UniqueIdentifier');

export const messageFields: readonly Field[] = [one('ResponseHeader'), field('BatchItem', 1, Infinity)];

/** Correlation values are left out here: they are right only when the request brought one. */
export const headerFields: readonly Field[] = [
  one('ProtocolVersion'), one('TimeStamp'), maybe('ClientCorrelationValue', 14), maybe('ServerCorrelationValue', 14), one('BatchCount'),
];

export const batchItemFields: readonly Field[] = [
  maybe('Operation'), maybe('UniqueBatchItemID'), one('ResultStatus'), maybe('ResultReason'), maybe('ResultMessage'), maybe('ResponsePayload'),
];

/** Payloads by operation, in the order of the specification's tables. */
export const payloadFields: Readonly<Record<string, readonly Field[]>> = {
  Create: [one('ObjectType'), identifier, maybe('TemplateAttribute', 10, 14)],
  Register: [identifier, maybe('TemplateAttribute', 10, 14)],
  Locate: [maybe('LocatedItems', 13), many('UniqueIdentifier')],
  Check: [identifier, maybe('UsageLimitsCount'), maybe('CryptographicUsageMask'), maybe('LeaseTime')],
  Get: [one('ObjectType'), identifier, maybe('SymmetricKey'), maybe('SecretData'), maybe('OpaqueObject')],
  GetAttributes: [identifier, many('Attribute', 10, 14), one('Attributes', 20)],
  GetAttributeList: [identifier, many('AttributeName', 10, 14), many('AttributeReference', 20)],
  AddAttribute: [identifier, one('Attribute', 10, 14)],
  ModifyAttribute: [identifier, one('Attribute', 10, 14)],
  DeleteAttribute: [identifier, one('Attribute', 10, 14)],
  SetAttribute: [identifier],
  AdjustAttribute: [identifier],
  Activate: [identifier],
  Revoke: [identifier],
  Destroy: [identifier],
  DiscoverVersions: [many('ProtocolVersion')],
  Query: [
    many('Operation'), many('ObjectType'), maybe('VendorIdentification'), maybe('ServerInformation'), many('ApplicationNamespace'),
    many('ExtensionInformation', 11), many('AttestationType', 12), many('RNGParameters', 13), many('ProfileInformation', 13),
    many('ValidationInformation', 13), many('CapabilityInformation', 13), many('ClientRegistrationMethod', 13),
    maybe('DefaultsInformation', 20), maybe('ProtectionStorageMasks', 20),
  ],
  Encrypt: [identifier, maybe('Data'), maybe('IVCounterNonce'), maybe('CorrelationValue', 13), maybe('AuthenticatedEncryptionTag', 14)],
  Decrypt: [identifier, maybe('Data'), maybe('CorrelationValue', 13)],
  Interop: [],
};

/** Structures inside payloads whose fields clients read by position. */
export const structureFields: Readonly<Record<string, readonly Field[]>> = {
  SymmetricKey: [one('KeyBlock')],
  SecretData: [one('SecretDataType'), one('KeyBlock')],
  OpaqueObject: [one('OpaqueDataType'), one('OpaqueDataValue')],
  KeyBlock: [
    one('KeyFormatType'), maybe('KeyCompressionType'), maybe('KeyValue'), maybe('CryptographicAlgorithm'), maybe('CryptographicLength'), maybe('KeyWrappingData'),
  ],
  KeyValue: [one('KeyMaterial')],
  Attribute: [one('AttributeName'), maybe('AttributeIndex'), one('AttributeValue')],
  ProtocolVersion: [one('ProtocolVersionMajor'), one('ProtocolVersionMinor')],
  Name: [one('NameValue'), one('NameType')],
};
