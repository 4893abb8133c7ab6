/**
 * What the server of this stage is asked to do. Cases that need more are counted as later work, by what they need.
 *
 * When an operation, object or algorithm is added to the server, add it here: its cases then run and have to pass, and
 * Query has to list it.
 */
export const operations: ReadonlySet<string> = new Set([
  'DiscoverVersions', 'Query', 'Create', 'Register', 'Locate', 'Get', 'GetAttributes', 'GetAttributeList', 'AddAttribute',
  'ModifyAttribute', 'DeleteAttribute', 'SetAttribute', 'AdjustAttribute', 'Activate', 'Revoke', 'Destroy', 'Check',
  'Encrypt', 'Decrypt', 'Interop',
]);

export const objectTypes: ReadonlySet<string> = new Set(['SymmetricKey', 'SecretData', 'OpaqueObject']);

/** Algorithms and modes that Encrypt and Decrypt are asked for; keys of other algorithms are only kept. */
export const cipherAlgorithms: ReadonlySet<string> = new Set(['AES', 'DES3', 'ChaCha20', 'ChaCha20Poly1305', 'OneTimePad']);
export const cipherModes: ReadonlySet<string> = new Set(['ECB', 'CBC', 'CFB', 'OFB', 'CTR', 'GCM', 'AEAD', 'NISTKeyWrap']);

/** What cannot be read from the messages of a case: its name, what it needs, and why. */
export const otherNeeds: readonly { readonly name: RegExp; readonly need: string; readonly reason: string }[] = [
  { name: /^MSGENC-HTTPS/, need: 'transport HTTPS', reason: 'the messages travel over POST /kmip' },
  { name: /^MSGENC-JSON/, need: 'transport JSON', reason: 'the messages are encoded in JSON' },
  { name: /^MSGENC-XML/, need: 'transport XML', reason: 'the messages are encoded in XML' },
  { name: /^TC-Q-S2C/, need: 'server-to-client requests', reason: 'the server asks the client what it can do' },
];
