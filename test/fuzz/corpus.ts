/**
 * Valid messages of every operation and version, about objects that exist: what the fuzzer spoils.
 */
import { attribute, encode, find, item, request } from '../harness/wire.ts';
import type { Item, RequestItem } from '../harness/wire.ts';
import { byIdentifier, bytesOf, identifierOf, nameAttributeValue } from '../e2e/talk.ts';
import type { Talk } from '../e2e/talk.ts';

const versions = [10, 11, 12, 13, 14, 20, 21];
const parameters = (mode: string): Item => item('CryptographicParameters', [item('BlockCipherMode', mode), item('PaddingMethod', mode === 'CBC' || mode === 'ECB' ? 'PKCS5' : 'None'), item('CryptographicAlgorithm', 'AES')]);

/** An AES template in the words of the version. */
const template = (version: number, name?: string): Item => {
  const named = name === undefined ? [] : nameAttributeValue(name);
  return version < 20
    ? item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12), ...(name === undefined ? [] : [attribute('Name', named)])])
    : item('Attributes', [item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 256), item('CryptographicUsageMask', 12), ...(name === undefined ? [] : [item('Name', named)])]);
};

export async function makeCorpus(talk: Talk): Promise<Buffer[]> {
  const key = async (activated: boolean): Promise<string> => {
    const identifier = identifierOf(await talk.must(14, 'Create', [item('ObjectType', 'SymmetricKey'), template(14)]));
    if (activated) await talk.must(14, 'Activate', [byIdentifier(identifier)]);
    return identifier;
  };
  const [active, preActive] = [await key(true), await key(false)];
  const began = await talk.must(14, 'Encrypt', [byIdentifier(active), parameters('CBC'), item('Data', Buffer.alloc(20)), item('IVCounterNonce', Buffer.alloc(16)), item('InitIndicator', true)]);
  const correlation = item('CorrelationValue', bytesOf(find(began, 'CorrelationValue')));
  const corpus: Buffer[] = [];
  for (const version of versions) {
    const old = version < 20;
    const named = (name: string): Item => (old ? item('AttributeName', name) : item('AttributeReference', [item('VendorIdentification', ''), item('AttributeName', name)]));
    const value = (): Item => (old ? attribute('Contact Information', 'someone') : item('NewAttribute', [item('ContactInformation', 'someone')]));
    const block = (format: string, more: Item[] = []): Item => item('KeyBlock', [item('KeyFormatType', format), item('KeyValue', [item('KeyMaterial', Buffer.alloc(32, 5))]), ...more]);
    const operations: [operation: string, payload: (Item | undefined)[]][] = [
      ['DiscoverVersions', [item('ProtocolVersion', [item('ProtocolVersionMajor', 1), item('ProtocolVersionMinor', 2)])]],
      ['Query', [1, 2, 3, 4, 5, 6].map((each) => item('QueryFunction', each, 'Enumeration'))],
      ['Create', [item('ObjectType', 'SymmetricKey'), template(version)]],
      ['Register', [item('ObjectType', 'SymmetricKey'), template(version), item('SymmetricKey', [block('Raw', [item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 256)])])]],
      ['Register', [item('ObjectType', 'SecretData'), old ? item('TemplateAttribute') : item('Attributes'), item('SecretData', [item('SecretDataType', 'Password'), block('Opaque')])]],
      ['Register', [item('ObjectType', 'OpaqueObject'), old ? item('TemplateAttribute') : item('Attributes'), item('OpaqueObject', [item('OpaqueDataType', 0x8000_0001, 'Enumeration'), item('OpaqueDataValue', Buffer.alloc(40))])]],
      ['Locate', [item('MaximumItems', 5), old ? attribute('Object Type', 'SymmetricKey') : item('Attributes', [item('ObjectType', 'SymmetricKey')])]],
      ['Locate', [item('MaximumItems', 2), old ? attribute('Initial Date', 1_700_000_000n) : item('Attributes', [item('InitialDate', 1_700_000_000n)])]],
      ['Locate', [old ? attribute('Name', nameAttributeValue('nobody')) : item('Attributes', [item('Name', nameAttributeValue('nobody'))])]],
      ['Get', [byIdentifier(active), item('KeyFormatType', 'Raw')]],
      ['Get', [byIdentifier(preActive), item('KeyWrappingSpecification', [item('WrappingMethod', 'Encrypt'), item('EncryptionKeyInformation', [item('UniqueIdentifier', active), item('CryptographicParameters', [item('BlockCipherMode', 'NISTKeyWrap')])])])]],
      ['GetAttributes', [byIdentifier(active), named('State'), named('Name')]],
      ['GetAttributes', [byIdentifier(active)]],
      ['GetAttributeList', [byIdentifier(active)]],
      ['AddAttribute', [byIdentifier(preActive), value()]],
      ['ModifyAttribute', [byIdentifier(preActive), value()]],
      ['DeleteAttribute', [byIdentifier(preActive), named('Contact Information')]],
      ['Activate', [byIdentifier('nothing')]],
      ['Revoke', [byIdentifier('nothing'), item('RevocationReason', [item('RevocationReasonCode', 'KeyCompromise'), item('RevocationMessage', 'message')]), item('CompromiseOccurrenceDate', 1n)]],
      ['Destroy', [byIdentifier('nothing')]],
      ['Check', [byIdentifier(active), item('CryptographicUsageMask', 4)]],
    ];
    if (version >= 12) {
      for (const mode of ['ECB', 'CBC', 'CFB', 'OFB', 'CTR', 'GCM']) {
        const iv = mode === 'ECB' ? undefined : item('IVCounterNonce', Buffer.alloc(mode === 'GCM' ? 12 : 16));
        operations.push(['Encrypt', [byIdentifier(active), parameters(mode), item('Data', Buffer.alloc(48)), iv]]);
        operations.push(['Decrypt', [byIdentifier(active), parameters(mode), item('Data', Buffer.alloc(48)), iv]]);
      }
    }
    if (version >= 14) operations.push(['Encrypt', [byIdentifier(active), item('Data', Buffer.alloc(33)), correlation, item('FinalIndicator', true)]]);
    if (version >= 20) {
      operations.push(['SetAttribute', [byIdentifier(preActive), item('NewAttribute', [item('Sensitive', false)])]]);
      operations.push(['AdjustAttribute', [byIdentifier(preActive), item('AttributeReference', 0x42_0115, 'Enumeration'), item('AdjustmentType', 1, 'Enumeration')]]);
    }
    for (const [operation, payload] of operations) corpus.push(encode(request(version, [{ operation, payload, id: Buffer.from([1, 2]) }])));
    const batch: RequestItem[] = operations.slice(9, 14).map(([operation, payload], index) => ({ operation, payload, id: Buffer.from([index]) }));
    corpus.push(encode(request(version, batch, [item('MaximumResponseSize', 8000), item('BatchErrorContinuationOption', 'Continue'), item('BatchOrderOption', true), item('TimeStamp', 1n)])));
    corpus.push(encode(request(version, [{ operation: 'Create', payload: [item('ObjectType', 'SymmetricKey'), template(version)] }, { operation: 'Activate', payload: [] }], [item('BatchErrorContinuationOption', 'Undo')])));
  }
  return corpus;
}
