/**
 * What may differ between a recorded response and a real one, as data: the Permitted Test Case Variations (section 4.7 of
 * the 1.0 profile documents) and the literal values that a server cannot repeat, as the reference data README lists them.
 *
 * Everything that is not here has to be equal. `compare.ts` applies the tables.
 */

/** Values that may always be others, though the field has to be there. */
export const freeValues: ReadonlySet<string> = new Set([
  'ServerCorrelationValue', 'AsynchronousCorrelationValue', 'ResultMessage', 'VendorIdentification', 'LeaseTime',
]);

/** Identifiers that the server chooses, where the file has a literal and no placeholder. */
export const identifiers: ReadonlySet<string> = new Set([
  'UniqueIdentifier', 'PrivateKeyUniqueIdentifier', 'PublicKeyUniqueIdentifier', 'LinkedObjectIdentifier', 'ShortUniqueIdentifier',
]);

/** Output of Encrypt that depends on a key made by the server, or on a nonce made by it. */
export const cipherOutputs: ReadonlySet<string> = new Set(['Data', 'IVCounterNonce', 'AuthenticatedEncryptionTag', 'MACData', 'SignatureData']);

/** Dates that the server sets, where no request fixes them. */
export const serverDates: ReadonlySet<string> = new Set([
  'ActivationDate', 'ArchiveDate', 'CompromiseDate', 'CompromiseOccurrenceDate', 'DeactivationDate', 'DestroyDate', 'InitialDate',
  'LastChangeDate', 'ProtectStopDate', 'ProcessStartDate', 'ValidityDate', 'OriginalCreationDate', 'TimeStamp',
]);

/** Seconds that a server's clock, or a slow machine, may put between the file's `$NOW` and the answer's. */
export const clockToleranceSeconds = 30;

/** Fields that may be there or not, whichever the file has: parent, field, and the first version that allows it. */
const optionalFields: readonly { readonly parent: string; readonly name: string; readonly since?: number }[] = [
  { parent: 'BatchItem', name: 'ResultMessage' },
  { parent: 'BatchItem', name: 'MessageExtension' },
  { parent: 'ResponsePayload', name: 'TemplateAttribute' },
  { parent: 'ResponsePayload', name: 'PrivateKeyTemplateAttribute' },
  { parent: 'ResponsePayload', name: 'PublicKeyTemplateAttribute' },
  // The header of 1.4 and later may have it (KMIP 1.4 §7.2); some files do, most do not.
  { parent: 'ResponseHeader', name: 'ServerCorrelationValue' },
];

/** Whether a field may be missing or be added. An Attribute Index has to be 0, a Message Extension not critical. */
export function isOptional(parent: string, name: string, version: number, child: { index?: string; critical?: boolean }): boolean {
  if (name === 'AttributeIndex' && (parent === 'Attribute' || parent === 'ResponsePayload')) return version >= 11 && child.index === '0';
  if (name === 'MessageExtension' && child.critical === true) return false;
  return optionalFields.some((field) => field.parent === parent && field.name === name);
}

/** Lists of Query that are compared as a set: what the file has must be there, and more may be. */
export const queryLists: ReadonlySet<string> = new Set(['Operation', 'ObjectType']);

/** Parts of a Query response whose contents are the server's: the field has to be there where it was asked for. */
export const queryFreeStructures: ReadonlySet<string> = new Set([
  'ServerInformation', 'CapabilityInformation', 'RNGParameters', 'ProfileInformation', 'ValidationInformation', 'ClientRegistrationMethod',
  'AttestationType', 'DefaultsInformation', 'ProtectionStorageMasks',
]);

/** Parts of a Query response that may be there or not, with any contents. */
export const queryOptional: ReadonlySet<string> = new Set(['ApplicationNamespace', 'ExtensionInformation']);
