// The accelerator against the core alone, through the port that operations use: same bytes, same errors, whatever is asked.
// The crossover is 0 in most tests, so that node:crypto has every call that it may have.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODE_CBC, MODE_CFB, MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB, PADDING_NONE, PADDING_PKCS5 } from '../../core/abi.ts';
import { createCipherPort } from '../../src/engine/cipher-port.ts';
import { KmipError } from '../../src/kmip/result.ts';
import type { CipherParameters } from '../../src/operations/context.ts';
import { AcceleratedCrypto, uniformCrossovers } from '../../src/wasm/accelerator.ts';
import { CoreCrypto } from '../../src/wasm/crypto.ts';
import { crossoverFor, measureCrossovers, nativeShare } from '../../src/wasm/crossover.ts';
import { compileCore, instantiateCore } from '../../src/wasm/load.ts';
import { empty, modes, seededRandom, toHex } from './cores.ts';

const module = compileCore();
const core = new CoreCrypto(instantiateCore(module));
const wasm = createCipherPort(core);
const auto = createCipherPort(new AcceleratedCrypto(core, uniformCrossovers(0)));
const tagLengths = [4, 8, 12, 13, 14, 15, 16];
const lengths = [0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 127, 128, 129, 1023, 1024, 1025, 4096, 65536, 65552];

/** The answer in a form to compare: bytes, or what the client would read. */
function outcome(work: () => Uint8Array | { data: Uint8Array; mac: Uint8Array }): string {
  try {
    const answer = work();
    return answer instanceof Uint8Array ? toHex(answer) : `${toHex(answer.data)} ${toHex(answer.mac)}`;
  } catch (error) {
    assert.ok(error instanceof KmipError, `no KmipError: ${String(error)}`);
    return `${error.reason}: ${error.message}`;
  }
}

/** Encrypts with both, then decrypts with both what the core made, and answers it. */
function compare(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array): void {
  const where = JSON.stringify({ key: key.length, ...parameters, iv: iv.length, aad: aad.length, data: data.length });
  const expected = outcome(() => wasm.encrypt(key, parameters, iv, aad, data));
  assert.equal(outcome(() => auto.encrypt(key, parameters, iv, aad, data)), expected, `encrypt ${where}`);
  if (!/^[0-9a-f]* [0-9a-f]*$/.test(expected)) return;
  const sealed = wasm.encrypt(key, parameters, iv, aad, data);
  assert.equal(outcome(() => wasm.decrypt(key, parameters, iv, aad, sealed.data, sealed.mac)), toHex(data), `decrypt in the core ${where}`);
  assert.equal(outcome(() => auto.decrypt(key, parameters, iv, aad, sealed.data, sealed.mac)), toHex(data), `decrypt ${where}`);
}

test('every mode gives the same bytes and the same refusals at every length, key length and padding', () => {
  const random = seededRandom(41);
  for (const keyLength of [16, 24, 32]) {
    for (const { mode } of modes) {
      for (const padding of [PADDING_NONE, PADDING_PKCS5]) {
        for (const length of lengths) {
          compare(random.bytes(keyLength), { mode, padding, tagLength: 16 }, random.bytes(mode === MODE_GCM ? 12 : 16), empty, random.bytes(length));
        }
      }
    }
  }
});

test('GCM gives the same bytes with every tag length, every IV length and additional data', () => {
  const random = seededRandom(42);
  for (const tagLength of tagLengths) {
    for (const ivLength of [1, 8, 11, 12, 13, 15, 16, 17, 32, 60, 127, 128, 129, 256]) {
      for (const [aadLength, length] of [[0, 0], [0, 33], [1, 0], [20, 16], [64, 100], [70000, 48]] as const) {
        compare(random.bytes(32), { mode: MODE_GCM, padding: PADDING_NONE, tagLength }, random.bytes(ivLength), random.bytes(aadLength), random.bytes(length));
      }
    }
  }
});

test('counters that run over wrap alike', () => {
  const random = seededRandom(43);
  for (const tail of ['ffffffff', 'fffffffffffffffe', 'ffffffffffffffffffffffffffffffff', '00000000fffffff9']) {
    const iv = random.bytes(16);
    iv.set(Buffer.from(tail, 'hex'), 16 - tail.length / 2);
    for (const mode of [MODE_CTR, MODE_GCM]) compare(random.bytes(32), { mode, padding: PADDING_NONE, tagLength: 16 }, iv, empty, random.bytes(400));
  }
});

test('one bit wrong anywhere in a GCM message fails alike, for every tag length', () => {
  const random = seededRandom(44);
  for (const tagLength of tagLengths) {
    const parameters = { mode: MODE_GCM, padding: PADDING_NONE, tagLength };
    const [key, iv, aad, data] = [random.bytes(32), random.bytes(12), random.bytes(20), random.bytes(40)];
    const sealed = wasm.encrypt(key, parameters, iv, aad, data);
    const flipped = (bytes: Uint8Array): Uint8Array => {
      const other = Uint8Array.from(bytes);
      other[random.below(bytes.length)]! ^= 1 << random.below(8);
      return other;
    };
    const variants = [
      [key, iv, aad, sealed.data, flipped(sealed.mac)], [key, iv, aad, flipped(sealed.data), sealed.mac], [key, iv, flipped(aad), sealed.data, sealed.mac],
      [key, flipped(iv), aad, sealed.data, sealed.mac], [flipped(key), iv, aad, sealed.data, sealed.mac], [key, iv, aad, sealed.data, sealed.mac.subarray(1)],
      [key, iv, aad, sealed.data, empty], [key, iv, aad, sealed.data, new Uint8Array(17)], [key, iv, aad, empty, sealed.mac],
    ] as const;
    for (const [otherKey, otherIv, otherAad, otherData, mac] of variants) {
      const expected = outcome(() => wasm.decrypt(otherKey, parameters, otherIv, otherAad, otherData, mac));
      assert.equal(expected, 'CryptographicFailure: decryption failed');
      assert.equal(outcome(() => auto.decrypt(otherKey, parameters, otherIv, otherAad, otherData, mac)), expected);
    }
  }
});

test('every last block that padding may end in is judged alike', () => {
  const random = seededRandom(45);
  const key = random.bytes(32);
  const iv = random.bytes(16);
  for (const mode of [MODE_ECB, MODE_CBC]) {
    for (let last = 0; last < 256; last += 1) {
      for (const fill of [last, last ^ 1]) {
        const text = random.bytes(32);
        text.fill(fill, Math.max(16, 32 - Math.min(last, 16)));
        text[31] = last;
        const sealed = wasm.encrypt(key, { mode, padding: PADDING_NONE, tagLength: 16 }, iv, empty, text).data;
        const parameters = { mode, padding: PADDING_PKCS5, tagLength: 16 };
        const expected = outcome(() => wasm.decrypt(key, parameters, iv, empty, sealed, empty));
        assert.equal(outcome(() => auto.decrypt(key, parameters, iv, empty, sealed, empty)), expected, `mode ${mode}, last byte ${last}, before it ${fill}`);
        assert.equal(expected === 'CryptographicFailure: decryption failed', !(fill === last || last === 1) || last < 1 || last > 16);
      }
    }
  }
});

test('whatever is asked, right or wrong, has one answer', () => {
  const random = seededRandom(46);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  let refused = 0;
  for (let round = 0; round < 4000; round += 1) {
    const key = random.bytes(one([16, 24, 32, 32, 32, 0, 15, 33, 65]));
    const parameters = { mode: one([MODE_CBC, MODE_ECB, MODE_CFB, MODE_OFB, MODE_CTR, MODE_GCM, MODE_GCM, 0, 3, 7]), padding: one([1, 1, 1, 3, 3, 0, 2]), tagLength: one([16, 16, 12, 4, 0, 5, 17, 15.5, -1]) };
    const iv = random.bytes(one([16, 16, 16, 12, 12, 0, 1, 15, 17, 129]));
    const aad = random.bytes(one([0, 0, 0, 1, 20]));
    const data = random.bytes(one([0, 1, 15, 16, 17, 32, 48, 160]));
    const mac = random.bytes(one([0, 4, 12, 15, 16, 17]));
    const encrypted = outcome(() => wasm.encrypt(key, parameters, iv, aad, data));
    const decrypted = outcome(() => wasm.decrypt(key, parameters, iv, aad, data, mac));
    if (encrypted.includes(':')) refused += 1;
    const where = JSON.stringify({ key: key.length, ...parameters, iv: iv.length, aad: aad.length, data: data.length, mac: mac.length });
    assert.equal(outcome(() => auto.encrypt(key, parameters, iv, aad, data)), encrypted, where);
    assert.equal(outcome(() => auto.decrypt(key, parameters, iv, aad, data, mac)), decrypted, where);
  }
  assert.ok(refused > 1000 && refused < 3900, `${refused} of 4000 refused`);
});

/** A core that only notes that it was asked. */
function noting(calls: string[]): CoreCrypto {
  return new Proxy(core, { get: (target, name) => (...given: unknown[]) => (calls.push(String(name)), (target[name as 'encrypt'] as (...values: unknown[]) => unknown).apply(target, given)) });
}

test('data below the crossover, what the core has to refuse, and streams stay in the core; the rest does not', () => {
  const calls: string[] = [];
  const ciphers = new AcceleratedCrypto(noting(calls), { ...uniformCrossovers(64), [MODE_OFB]: { encrypt: Infinity, decrypt: 32 } });
  const key = new Uint8Array(32);
  const iv = new Uint8Array(16);
  const asked = (work: () => unknown): string => {
    calls.length = 0;
    try {
      work();
    } catch {
      // Refusals are another test's matter.
    }
    return calls.join();
  };
  const of = (mode: typeof MODE_CTR | typeof MODE_OFB | typeof MODE_CFB | typeof MODE_GCM) => ({ mode, padding: PADDING_NONE, tagLength: 16 }) as const;
  assert.equal(asked(() => ciphers.encrypt(key, of(MODE_CTR), iv, empty, new Uint8Array(63))), 'encrypt');
  assert.equal(asked(() => ciphers.encrypt(key, of(MODE_CTR), iv, empty, new Uint8Array(64))), '');
  assert.equal(asked(() => ciphers.decrypt(key, of(MODE_CFB), iv, empty, new Uint8Array(63), empty)), 'decrypt');
  assert.equal(asked(() => ciphers.decrypt(key, of(MODE_CFB), iv, empty, new Uint8Array(64), empty)), '');
  assert.equal(asked(() => ciphers.encrypt(key, of(MODE_OFB), iv, empty, new Uint8Array(1 << 20))), 'encrypt');
  assert.equal(asked(() => ciphers.decrypt(key, of(MODE_OFB), iv, empty, new Uint8Array(32), empty)), '');
  // Four bytes of additional data weigh as one of text.
  assert.equal(asked(() => ciphers.encrypt(key, of(MODE_GCM), iv, new Uint8Array(255), empty)), 'encrypt');
  assert.equal(asked(() => ciphers.encrypt(key, of(MODE_GCM), iv, new Uint8Array(256), empty)), '');
  assert.equal(asked(() => ciphers.encrypt(key, of(MODE_CTR), new Uint8Array(15), empty, new Uint8Array(64))), 'encrypt');
  const state = ciphers.begin(key, 1, of(MODE_CTR), iv, empty);
  assert.equal(asked(() => ciphers.update(key, state, new Uint8Array(4096))), 'update');
  assert.equal(asked(() => ciphers.finish(key, state, new Uint8Array(4096), empty)), 'finish');
});

test('a crossover is the known one on a processor of its kind, later where node:crypto gains less, never where it gains nothing', () => {
  const known = { bytes: 512, share: 0.4 };
  for (const share of [0.1, 0.4, 0.5]) assert.equal(crossoverFor(known, share), 512);
  assert.equal(crossoverFor(known, 0.7), 1024);
  assert.equal(crossoverFor(known, 0.99), 30720);
  for (const share of [1, 1.2, 3]) assert.equal(crossoverFor(known, share), Infinity);
  // Where it gained by its calls alone.
  assert.equal(crossoverFor({ bytes: 1840, share: 1 }, 1.2), 1840);
  assert.equal(crossoverFor({ bytes: 1840, share: 1 }, 1.3), Infinity);
});

test('the share is what node:crypto takes of what the core takes, whatever disturbs some of the turns', () => {
  let time = 0;
  let calls = 0;
  const disturbance = (): number => ((calls += 1) % 5 === 0 ? 1000 : 0);
  const share = nativeShare({ core: () => void (time += 4 + disturbance()), native: () => void (time += 1 + disturbance()) }, () => time);
  assert.equal(share, 0.25);
});

test('the measurement answers for every mode and ends in its time', () => {
  const crossovers = measureCrossovers(module, () => performance.now());
  for (const { mode } of modes) for (const bytes of Object.values(crossovers[mode])) assert.ok(bytes >= 16, `mode ${mode}: ${bytes}`);
  let time = 0;
  // A clock that runs away: nothing is timed, the table counts.
  assert.deepEqual(measureCrossovers(module, () => (time += 1e6))[MODE_OFB], { encrypt: 528, decrypt: 560 });
});
