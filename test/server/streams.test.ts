/**
 * Streams whose parts go to different workers: each part on another connection, all modes, against node:crypto.
 *
 * The state of a stream travels in the Correlation Value, so any worker continues it. Lengths sit on both sides of the
 * block boundaries and steps are 1, 16, 17 and 100 bytes.
 */
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import type { CipherGCM } from 'node:crypto';
import test, { after, before } from 'node:test';
import { attribute, find, item } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { byIdentifier, bytesOf, identifierOf, materialOf, Site } from '../e2e/talk.ts';
import type { Talk } from '../e2e/talk.ts';

const site = new Site();
const connections: Talk[] = [];
let identifier = '';
let material: Buffer;
before(async () => {
  await site.start({ args: ['--workers', '3'] });
  for (let count = 0; count < 16; count += 1) connections.push(await site.talk('streams'));
  identifier = identifierOf(await connections[0]!.must(14, 'Create', [
    item('ObjectType', 'SymmetricKey'),
    item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12)]),
  ]));
  await connections[0]!.must(14, 'Activate', [byIdentifier(identifier)]);
  material = materialOf(await connections[0]!.must(14, 'Get', [byIdentifier(identifier)]));
});
after(async () => {
  for (const each of connections) await each.close();
  await site.stop();
});

interface Mode { readonly name: string; readonly padding: string; readonly cipher: string; readonly ivLength: number; readonly whole: boolean }
const modes: readonly Mode[] = [
  { name: 'ECB', padding: 'PKCS5', cipher: 'aes-256-ecb', ivLength: 0, whole: false },
  { name: 'ECB', padding: 'None', cipher: 'aes-256-ecb', ivLength: 0, whole: true },
  { name: 'CBC', padding: 'PKCS5', cipher: 'aes-256-cbc', ivLength: 16, whole: false },
  { name: 'CBC', padding: 'None', cipher: 'aes-256-cbc', ivLength: 16, whole: true },
  { name: 'CFB', padding: 'None', cipher: 'aes-256-cfb', ivLength: 16, whole: false },
  { name: 'OFB', padding: 'None', cipher: 'aes-256-ofb', ivLength: 16, whole: false },
  { name: 'CTR', padding: 'None', cipher: 'aes-256-ctr', ivLength: 16, whole: false },
  { name: 'GCM', padding: 'None', cipher: 'aes-256-gcm', ivLength: 12, whole: false },
];

let turn = 0;
const another = (): Talk => connections[(turn += 7) % connections.length]!;

/** Sends `data` in parts of `step` bytes, each on another connection; returns what came back and the last payload. */
async function stream(operation: 'Encrypt' | 'Decrypt', mode: Mode, data: Buffer, step: number, iv: Buffer, extra: Item[]): Promise<{ output: Buffer; last: Item }> {
  const parts: Buffer[] = [];
  for (let offset = 0; offset === 0 || offset < data.length; offset += step) parts.push(data.subarray(offset, offset + step));
  const output: Buffer[] = [];
  let correlation: Item | undefined;
  let last: Item | undefined;
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    const first = index === 0 ? [item('CryptographicParameters', [item('BlockCipherMode', mode.name), item('PaddingMethod', mode.padding), item('CryptographicAlgorithm', 'AES'), ...(mode.name === 'GCM' ? [item('TagLength', 16)] : [])])] : [];
    last = await another().must(14, operation, [
      byIdentifier(identifier), ...first, item('Data', part),
      ...(index === 0 && mode.ivLength > 0 ? [item('IVCounterNonce', iv)] : []),
      correlation, index === 0 ? item('InitIndicator', true) : undefined, isLast ? item('FinalIndicator', true) : undefined,
      ...(index === 0 ? extra : []),
    ]);
    correlation = find(last, 'CorrelationValue');
    if (!isLast) assert.ok(correlation !== undefined, `part ${index} came back without a Correlation Value`);
    else assert.equal(correlation, undefined, 'the last part came back with a Correlation Value');
    output.push(bytesOf(find(last, 'Data')));
  }
  return { output: Buffer.concat(output), last: last! };
}

for (const mode of modes) {
  test(`${mode.name} ${mode.padding} in parts over many workers equals one whole cipher of node:crypto`, async () => {
    for (const length of mode.whole ? [16, 32, 128] : [0, 1, 15, 16, 17, 31, 32, 33, 127, 129]) {
      for (const step of length > 40 ? [16, 17, 100] : [1, 16, 17]) {
        const data = randomBytes(length);
        const iv = randomBytes(mode.ivLength);
        const additional = mode.name === 'GCM' ? [item('AuthenticatedEncryptionAdditionalData', Buffer.from('additional data'))] : [];
        const oracle = createCipheriv(mode.cipher, material, mode.ivLength === 0 ? null : iv);
        if (mode.padding === 'None') oracle.setAutoPadding(false);
        if (mode.name === 'GCM') (oracle as CipherGCM).setAAD(Buffer.from('additional data'));
        const expected = Buffer.concat([oracle.update(data), oracle.final()]);
        const where = `length ${length} in steps of ${step}`;
        const { output, last } = await stream('Encrypt', mode, data, step, iv, additional);
        assert.deepEqual(output, expected, where);
        if (mode.name === 'GCM') {
          assert.deepEqual(bytesOf(find(last, 'AuthenticatedEncryptionTag')), (oracle as CipherGCM).getAuthTag(), where);
          continue; // GCM decryption in parts releases unverified plaintext and is off by default
        }
        assert.deepEqual((await stream('Decrypt', mode, output, step, iv, [])).output, data, where);
      }
    }
  });
}
