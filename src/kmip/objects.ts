/**
 * The structures that attributes, managed objects and payloads are made of (KMIP 1.4 §2 and §3, KMIP 2.1 §2 to §4 and §7).
 *
 * Fields stand in the order of the specification; a field that came with a later version carries `since`. Where the
 * versions differ in what is required, the wider rule stands here and the operation checks the rest.
 * Key Material is `anyItem`: a Byte String for Raw and Opaque keys, a structure for transparent ones.
 */
import {
  anyItem, attributeNames, attributeSet, bigInteger, boolean, byteString, dateTimeExtended, enumeration, identifier, integer, longInteger, mask,
  openEnumeration, optional, repeated, required, structure, structureOrBytes, textString,
} from './schema.ts';
import type { Infer } from './schema.ts';

/** KMIP 1.4 §3.2. */
export const nameStructure = structure('Name', {
  nameValue: required(textString),
  nameType: required(enumeration('NameType')),
});
export type NameStructure = Infer<typeof nameStructure>;

/** KMIP 1.4 §3.6; the first four fields since 1.0. */
export const cryptographicParameters = structure('CryptographicParameters', {
  blockCipherMode: optional(enumeration('BlockCipherMode')),
  paddingMethod: optional(enumeration('PaddingMethod')),
  hashingAlgorithm: optional(enumeration('HashingAlgorithm')),
  keyRoleType: optional(enumeration('KeyRoleType')),
  digitalSignatureAlgorithm: optional(enumeration('DigitalSignatureAlgorithm'), { since: 12 }),
  cryptographicAlgorithm: optional(enumeration('CryptographicAlgorithm'), { since: 12 }),
  randomIV: optional(boolean, { since: 12, doc: 'The server makes the IV and returns it.' }),
  ivLength: optional(integer, { tag: 'IVLength', since: 12, doc: 'Bits.' }),
  tagLength: optional(integer, { since: 12, doc: 'Bytes of the authentication tag.' }),
  fixedFieldLength: optional(integer, { since: 12, doc: 'Bits.' }),
  invocationFieldLength: optional(integer, { since: 12, doc: 'Bits.' }),
  counterLength: optional(integer, { since: 12, doc: 'Bits.' }),
  initialCounterValue: optional(integer, { since: 12 }),
  saltLength: optional(integer, { since: 14, doc: 'Bytes.' }),
  maskGenerator: optional(enumeration('MaskGenerator'), { since: 14 }),
  maskGeneratorHashingAlgorithm: optional(enumeration('HashingAlgorithm'), { since: 14 }),
  pSource: optional(byteString, { since: 14 }),
  trailerField: optional(integer, { since: 14 }),
});
export type CryptographicParameters = Infer<typeof cryptographicParameters>;

/** KMIP 1.4 §3.7. */
export const cryptographicDomainParameters = structure('CryptographicDomainParameters', {
  qlength: optional(integer),
  recommendedCurve: optional(enumeration('RecommendedCurve')),
});

/** KMIP 1.4 §3.10. */
export const x509CertificateIdentifier = structure('X_509CertificateIdentifier', {
  issuerDistinguishedName: required(byteString),
  certificateSerialNumber: required(byteString),
});

/** KMIP 1.4 §3.11. */
export const x509CertificateSubject = structure('X_509CertificateSubject', {
  subjectDistinguishedName: required(byteString),
  subjectAlternativeName: repeated(byteString),
});

/** KMIP 1.4 §3.12. */
export const x509CertificateIssuer = structure('X_509CertificateIssuer', {
  issuerDistinguishedName: required(byteString),
  issuerAlternativeName: repeated(byteString),
});

/** KMIP 1.0 §3.9, superseded in 1.1. */
export const certificateIdentifier = structure('CertificateIdentifier', {
  issuer: required(textString),
  serialNumber: optional(textString),
});

/** KMIP 1.0 §3.10, superseded in 1.1. */
export const certificateSubject = structure('CertificateSubject', {
  certificateSubjectDistinguishedName: required(textString),
  certificateSubjectAlternativeName: repeated(textString),
});

/** KMIP 1.0 §3.11, superseded in 1.1. */
export const certificateIssuer = structure('CertificateIssuer', {
  certificateIssuerDistinguishedName: required(textString),
  certificateIssuerAlternativeName: repeated(textString),
});

/** KMIP 1.4 §3.17. */
export const digest = structure('Digest', {
  hashingAlgorithm: required(enumeration('HashingAlgorithm')),
  digestValue: optional(byteString),
  keyFormatType: optional(enumeration('KeyFormatType'), { since: 11 }),
});
export type Digest = Infer<typeof digest>;

/** KMIP 1.4 §3.21. A client gives Total and Unit; Count is what is left and the server's alone. */
export const usageLimits = structure('UsageLimits', {
  usageLimitsTotal: required(longInteger),
  usageLimitsCount: optional(longInteger),
  usageLimitsUnit: required(enumeration('UsageLimitsUnit')),
});
export type UsageLimits = Infer<typeof usageLimits>;

/** KMIP 1.4 §3.31. */
export const revocationReason = structure('RevocationReason', {
  revocationReasonCode: required(enumeration('RevocationReasonCode')),
  revocationMessage: optional(textString),
});
export type RevocationReason = Infer<typeof revocationReason>;

/** KMIP 1.4 §3.35; 2.x also takes an Enumeration or Integer for the identifier (KMIP 2.1 §4.31). */
export const link = structure('Link', {
  linkType: required(enumeration('LinkType')),
  linkedObjectIdentifier: required(identifier),
});
export type Link = Infer<typeof link>;

/** KMIP 1.4 §3.36; Application Data may be left to the server since 1.3, and in requests always. */
export const applicationSpecificInformation = structure('ApplicationSpecificInformation', {
  applicationNamespace: required(textString),
  applicationData: optional(textString),
});
export type ApplicationSpecificInformation = Infer<typeof applicationSpecificInformation>;

/** KMIP 1.4 §3.40. */
export const alternativeName = structure('AlternativeName', {
  alternativeNameValue: required(textString),
  alternativeNameType: required(enumeration('AlternativeNameType')),
});
export type AlternativeName = Infer<typeof alternativeName>;

/** KMIP 1.4 §3.42. */
export const keyValueLocation = structure('KeyValueLocation', {
  keyValueLocationValue: required(textString),
  keyValueLocationType: required(enumeration('KeyValueLocationType')),
});
export type KeyValueLocation = Infer<typeof keyValueLocation>;

/** KMIP 2.1 §4.53. */
export const rotateName = structure('RotateName', {
  rotateNameValue: required(textString),
  rotateNameType: required(enumeration('RotateNameType')),
});

/** KMIP 1.4 §2.1.18. As an attribute its fields stand directly in Random Number Generator. */
export const rngParameters = structure('RNGParameters', {
  rngAlgorithm: required(enumeration('RNGAlgorithm'), { tag: 'RNGAlgorithm' }),
  cryptographicAlgorithm: optional(enumeration('CryptographicAlgorithm')),
  cryptographicLength: optional(integer),
  hashingAlgorithm: optional(enumeration('HashingAlgorithm')),
  drbgAlgorithm: optional(enumeration('DRBGAlgorithm'), { tag: 'DRBGAlgorithm' }),
  recommendedCurve: optional(enumeration('RecommendedCurve')),
  fips186Variation: optional(enumeration('FIPS186Variation'), { tag: 'FIPS186Variation' }),
  predictionResistance: optional(boolean),
});
export type RngParameters = Infer<typeof rngParameters>;

/** KMIP 1.4 §2.1.4: the key itself, unwrapped. */
export const keyValue = structure('KeyValue', {
  keyMaterial: required(anyItem),
  attributes: optional(attributeSet('repeated', { omitEmpty: true })),
});
export type KeyValue = Infer<typeof keyValue>;

/** KMIP 1.4 §2.1.5. */
export const encryptionKeyInformation = structure('EncryptionKeyInformation', {
  uniqueIdentifier: required(textString),
  cryptographicParameters: optional(cryptographicParameters),
});

/** KMIP 1.4 §2.1.5. */
export const macSignatureKeyInformation = structure('MACSignatureKeyInformation', {
  uniqueIdentifier: required(textString),
  cryptographicParameters: optional(cryptographicParameters),
});

/** KMIP 1.4 §2.1.5: how a wrapped Key Value was wrapped. */
export const keyWrappingData = structure('KeyWrappingData', {
  wrappingMethod: required(enumeration('WrappingMethod')),
  encryptionKeyInformation: optional(encryptionKeyInformation),
  macSignatureKeyInformation: optional(macSignatureKeyInformation, { tag: 'MACSignatureKeyInformation' }),
  macSignature: optional(byteString, { tag: 'MACSignature' }),
  ivCounterNonce: optional(byteString, { tag: 'IVCounterNonce' }),
  encodingOption: optional(enumeration('EncodingOption'), { since: 11 }),
});
export type KeyWrappingData = Infer<typeof keyWrappingData>;

/** KMIP 1.4 §2.1.6: how Get shall wrap the Key Value. */
export const keyWrappingSpecification = structure('KeyWrappingSpecification', {
  wrappingMethod: required(enumeration('WrappingMethod')),
  encryptionKeyInformation: optional(encryptionKeyInformation),
  macSignatureKeyInformation: optional(macSignatureKeyInformation, { tag: 'MACSignatureKeyInformation' }),
  attributeNames: optional(attributeNames, { tag: 'AttributeName' }),
  encodingOption: optional(enumeration('EncodingOption'), { since: 11 }),
});
export type KeyWrappingSpecification = Infer<typeof keyWrappingSpecification>;

/** KMIP 1.4 §2.1.3. Key Value: a structure, a Byte String when wrapped, absent when the server does not hold it (1.2 on). */
export const keyBlock = structure('KeyBlock', {
  keyFormatType: required(enumeration('KeyFormatType')),
  keyCompressionType: optional(enumeration('KeyCompressionType')),
  keyValue: optional(structureOrBytes(keyValue)),
  cryptographicAlgorithm: optional(enumeration('CryptographicAlgorithm')),
  cryptographicLength: optional(integer),
  keyWrappingData: optional(keyWrappingData),
});
export type KeyBlock = Infer<typeof keyBlock>;

/** KMIP 1.4 §2.1.7.1: Key Material of format Transparent Symmetric Key. */
export const transparentSymmetricKey = structure('KeyMaterial', { key: required(byteString) });

/** KMIP 1.4 §2.2.2. */
export const symmetricKey = structure('SymmetricKey', { keyBlock: required(keyBlock) });
/** KMIP 1.4 §2.2.3. */
export const publicKey = structure('PublicKey', { keyBlock: required(keyBlock) });
/** KMIP 1.4 §2.2.4. */
export const privateKey = structure('PrivateKey', { keyBlock: required(keyBlock) });

/** KMIP 1.4 §2.2.5. */
export const splitKey = structure('SplitKey', {
  splitKeyParts: required(integer),
  keyPartIdentifier: required(integer),
  splitKeyThreshold: required(integer),
  splitKeyMethod: required(enumeration('SplitKeyMethod')),
  primeFieldSize: optional(bigInteger),
  keyBlock: required(keyBlock),
});

/** KMIP 1.4 §2.2.6, withdrawn in 2.0. */
export const template = structure('Template', { attributes: optional(attributeSet('repeated')) });

/** KMIP 1.4 §2.2.7. */
export const secretData = structure('SecretData', {
  secretDataType: required(enumeration('SecretDataType')),
  keyBlock: required(keyBlock),
});

/** KMIP 1.4 §2.2.8. */
export const opaqueObject = structure('OpaqueObject', {
  opaqueDataType: required(enumeration('OpaqueDataType')),
  opaqueDataValue: required(byteString),
});

/** KMIP 1.4 §2.2.9. */
export const pgpKey = structure('PGPKey', {
  pgpKeyVersion: required(integer, { tag: 'PGPKeyVersion' }),
  keyBlock: required(keyBlock),
});

/** KMIP 1.4 §2.2.1. */
export const certificate = structure('Certificate', {
  certificateType: required(enumeration('CertificateType')),
  certificateValue: required(byteString),
});

/** KMIP 1.4 §2.1.9; Extension Type is an Integer in 1.x and an Enumeration in 2.x. */
export const extensionInformation = structure('ExtensionInformation', {
  extensionName: required(textString),
  extensionTag: optional(integer),
  extensionTypeNumber: optional(integer, { tag: 'ExtensionType', until: 14 }),
  extensionType: optional(enumeration('ItemType'), { since: 20 }),
  extensionEnumeration: optional(integer, { since: 20 }),
  extensionAttribute: optional(boolean, { since: 20 }),
  extensionParentStructureTag: optional(integer, { since: 20 }),
  extensionDescription: optional(textString, { since: 20 }),
});

/** KMIP 2.1 §7.32. */
export const profileVersion = structure('ProfileVersion', {
  profileVersionMajor: required(integer),
  profileVersionMinor: required(integer),
});

/** KMIP 1.4 §2.1.19. */
export const profileInformation = structure('ProfileInformation', {
  profileName: required(enumeration('ProfileName')),
  profileVersion: optional(profileVersion, { since: 20 }),
  serverURI: optional(textString),
  serverPort: optional(integer),
});

/** KMIP 1.4 §2.1.20. */
export const validationInformation = structure('ValidationInformation', {
  validationAuthorityType: required(enumeration('ValidationAuthorityType')),
  validationAuthorityCountry: optional(textString),
  validationAuthorityURI: optional(textString),
  validationVersionMajor: required(integer),
  validationVersionMinor: optional(integer),
  validationType: required(enumeration('ValidationType')),
  validationLevel: required(integer),
  validationCertificateIdentifier: optional(textString),
  validationCertificateURI: optional(textString),
  validationVendorURI: optional(textString),
  validationProfile: repeated(textString),
});

/** KMIP 1.4 §2.1.21. */
export const capabilityInformation = structure('CapabilityInformation', {
  streamingCapability: optional(boolean),
  asynchronousCapability: optional(boolean),
  attestationCapability: optional(boolean),
  batchUndoCapability: optional(boolean, { since: 14 }),
  batchContinueCapability: optional(boolean, { since: 14 }),
  unwrapMode: optional(enumeration('UnwrapMode')),
  destroyAction: optional(enumeration('DestroyAction')),
  shreddingAlgorithm: optional(enumeration('ShreddingAlgorithm')),
  rngMode: optional(enumeration('RNGMode'), { tag: 'RNGMode' }),
  quantumSafeCapability: optional(boolean, { since: 20 }),
});

/** KMIP 2.1 §7.22. */
export const objectDefaults = structure('ObjectDefaults', {
  objectType: optional(enumeration('ObjectType')),
  attributes: optional(attributeSet('template')),
});

/** KMIP 2.1 §7.11. */
export const defaultsInformation = structure('DefaultsInformation', { objectDefaults: repeated(objectDefaults) });

/** KMIP 2.1 §7.33. */
export const protectionStorageMasks = structure('ProtectionStorageMasks', { protectionStorageMask: repeated(mask('ProtectionStorageMask')) });

/** KMIP 2.1 §7.37; its fields since 2.0, anything the vendor likes before. */
export const serverInformation = structure('ServerInformation', {
  serverName: optional(textString, { since: 20 }),
  serverSerialNumber: optional(textString, { since: 20 }),
  serverVersion: optional(textString, { since: 20 }),
  serverLoad: optional(textString, { since: 20 }),
  productName: optional(textString, { since: 20 }),
  buildLevel: optional(textString, { since: 20 }),
  buildDate: optional(textString, { since: 20 }),
  clusterInfo: optional(textString, { since: 20 }),
  alternateFailoverEndpoints: repeated(textString, { since: 20 }),
});

/** KMIP 1.4 §2.1.14. */
export const nonce = structure('Nonce', {
  nonceID: required(byteString),
  nonceValue: required(byteString),
});

/** KMIP 2.1 §7.39. */
export const ticket = structure('Ticket', {
  ticketType: required(enumeration('TicketType')),
  ticketValue: required(byteString),
});

/** KMIP 1.4 §2.1.2, KMIP 2.1 §9.11: the fields of every Credential Type; which ones belong together the type says. */
export const credentialValue = structure('CredentialValue', {
  nonce: optional(nonce, { since: 12 }),
  username: optional(textString),
  timeStamp: optional(dateTimeExtended, { since: 20 }),
  deviceSerialNumber: optional(textString, { since: 11 }),
  password: optional(textString),
  deviceIdentifier: optional(textString, { since: 11 }),
  networkIdentifier: optional(textString, { since: 11 }),
  machineIdentifier: optional(textString, { since: 11 }),
  mediaIdentifier: optional(textString, { since: 11 }),
  attestationType: optional(openEnumeration('AttestationType'), { since: 12 }),
  attestationMeasurement: optional(byteString, { since: 12 }),
  attestationAssertion: optional(byteString, { since: 12 }),
  oneTimePassword: optional(textString, { since: 20 }),
  hashingAlgorithm: optional(enumeration('HashingAlgorithm'), { since: 20 }),
  hashedPassword: optional(byteString, { since: 20 }),
  ticket: optional(ticket, { since: 20 }),
});

/** KMIP 1.4 §2.1.2. */
export const credential = structure('Credential', {
  credentialType: required(openEnumeration('CredentialType')),
  credentialValue: required(credentialValue),
});
export type Credential = Infer<typeof credential>;
