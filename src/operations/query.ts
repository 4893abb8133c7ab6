/**
 * A client wants to know what the server can do. For each Query Function it gets what is there and what its protocol version
 * can name, and nothing that is not built. It does not fail for a function that has nothing to tell: that one answers nothing. It fails when it names no function at all.
 *
 * KMIP 1.4 §4.25, KMIP 2.1 §6.1.40. No namespaces, extensions, attestation types, validations and default attributes
 * are there, so those functions answer nothing (or an empty structure where 2.1 wants one).
 *
 *     request   Query Function Query Operations, Query Function Query Objects
 *     response  Operation Create, Operation Get, …, Object Type Symmetric Key, …
 */
import {
  ClientRegistrationMethod, CryptographicAlgorithm, DRBGAlgorithm, DestroyAction, ObjectType, ProtectionStorageMask, QueryFunction, RNGAlgorithm, RNGMode,
  ShreddingAlgorithm, UnwrapMode, enumerationHas,
} from '../kmip/enums.ts';
import type { EnumerationRows } from '../kmip/enums.ts';
import {
  capabilityInformation, defaultsInformation, extensionInformation, profileInformation, protectionStorageMasks, rngParameters, serverInformation,
  validationInformation,
} from '../kmip/objects.ts';
import { profileNameTable } from '../kmip/profile-names.ts';
import { KmipError } from '../kmip/result.ts';
import { enumeration, optional, repeated, structure, textString } from '../kmip/schema.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import { keyGenerator } from './key-generation.ts';
import { operation } from './operation.ts';

const objectTypes = [ObjectType.SymmetricKey, ObjectType.SecretData, ObjectType.OpaqueObject];

/** Profiles whose every operation, object and attribute is built, without the version that 1.x puts behind the name. */
const profiles = ['SymmetricKeyLifecycleServer', 'BasicCryptographicServer', 'OpaqueManagedObjectStoreServer', 'StorageArrayWithSelfEncryptingDriveServer'];

/** IVs, identifiers and the seeds of the key generator come from OpenSSL's CTR-DRBG with AES-256. */
const randomness = {
  rngAlgorithm: RNGAlgorithm.DRBG,
  cryptographicAlgorithm: CryptographicAlgorithm.AES,
  cryptographicLength: 256,
  drbgAlgorithm: DRBGAlgorithm.CTR,
  predictionResistance: false,
};

const capabilities = {
  streamingCapability: true,
  asynchronousCapability: false,
  attestationCapability: false,
  batchUndoCapability: true,
  batchContinueCapability: true,
  unwrapMode: UnwrapMode.NotProcessed,
  destroyAction: DestroyAction.KeyMaterialDeleted,
  shreddingAlgorithm: ShreddingAlgorithm.Unsupported,
  rngMode: RNGMode.SharedInstantiation,
  quantumSafeCapability: false,
};

export const query = operation({
  name: 'Query',
  code: 24,
  since: 10,
  effect: 'reads',
  request: structure('RequestPayload', {
    queryFunction: repeated(enumeration('QueryFunction'), { doc: 'One or more; the same one twice is answered once.' }),
    objectGroups: optional(structure('ObjectGroups', { objectGroup: repeated(textString) }), { since: 21, doc: 'Defaults of these groups; there are none.' }),
  }),
  response: structure('ResponsePayload', {
    operation: repeated(enumeration('Operation')),
    objectType: repeated(enumeration('ObjectType')),
    vendorIdentification: optional(textString),
    serverInformation: optional(serverInformation),
    applicationNamespace: repeated(textString),
    extensionInformation: repeated(extensionInformation, { since: 11 }),
    attestationType: repeated(enumeration('AttestationType'), { since: 12 }),
    rngParameters: repeated(rngParameters, { since: 13, tag: 'RNGParameters' }),
    profileInformation: repeated(profileInformation, { since: 13 }),
    validationInformation: repeated(validationInformation, { since: 13 }),
    capabilityInformation: repeated(capabilityInformation, { since: 13 }),
    clientRegistrationMethod: repeated(enumeration('ClientRegistrationMethod'), { since: 13 }),
    defaultsInformation: optional(defaultsInformation, { since: 20 }),
    protectionStorageMasks: optional(protectionStorageMasks, { since: 20 }),
  }),
  reasons: ['InvalidMessage'],
  plan(context, request) {
    if (request.queryFunction === undefined) throw new KmipError('InvalidMessage', 'Query Function is missing; a Query names one or more');
    const asked = new Set(request.queryFunction);
    const has = (value: number): boolean => asked.has(value) && enumerationHas('QueryFunction', value, context.version);
    const { server, version } = context;
    return {
      response: {
        ...(has(QueryFunction.QueryOperations) ? { operation: context.operations() } : {}),
        ...(has(QueryFunction.QueryObjects) ? { objectType: objectTypes.filter((type) => enumerationHas('ObjectType', type, version)) } : {}),
        ...(has(QueryFunction.QueryServerInformation)
          ? {
              vendorIdentification: server.vendorIdentification,
              serverInformation: { serverName: server.serverName, serverVersion: server.serverVersion, productName: server.vendorIdentification },
            }
          : {}),
        ...(has(QueryFunction.QueryRNGs) ? { rngParameters: [keyGenerator, randomness] } : {}),
        ...(has(QueryFunction.QueryProfiles) ? { profileInformation: profilesOf(version) } : {}),
        ...(has(QueryFunction.QueryCapabilities) ? { capabilityInformation: [capabilities] } : {}),
        ...(has(QueryFunction.QueryClientRegistrationMethods) ? { clientRegistrationMethod: [ClientRegistrationMethod.ServerPreGenerated] } : {}),
        ...(has(QueryFunction.QueryDefaultsInformation) ? { defaultsInformation: {} } : {}),
        ...(has(QueryFunction.QueryStorageProtectionMasks) ? { protectionStorageMasks: { protectionStorageMask: [ProtectionStorageMask.Software] } } : {}),
      },
    };
  },
});

/** 1.x names a profile once for each version it exists in, 2.x once. */
function profilesOf(version: ProtocolVersion): readonly { readonly profileName: number }[] {
  const rows = profileNameTable as EnumerationRows;
  return Object.entries(rows)
    .filter(([name, [, since = 10, until = 99]]) => version >= since && version <= until && profiles.includes(name.replace(/KMIPV\d_\d$/, '')))
    .map(([, [profileName]]) => ({ profileName }));
}
