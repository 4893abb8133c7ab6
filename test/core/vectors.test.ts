// Published vectors carried in the repository, so that the core has an oracle of its own where the conformance data is
// absent: FIPS 197 appendix C, SP 800-38A appendix F, McGrew and Viega's GCM cases, and an exhaustive walk through the S-boxes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODE_CBC, MODE_CFB, MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB } from '../../core/abi.ts';
import { cores, empty, hex, parametersOf, toHex } from './cores.ts';
import { referenceEncrypt } from './reference.ts';

const text = '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710';
const key128 = '2b7e151628aed2a6abf7158809cf4f3c';
const key192 = '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b';
const key256 = '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4';
const iv = '000102030405060708090a0b0c0d0e0f';
const counter = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';

const sp80038a = [
  { name: 'F.1.1 ECB 128', mode: MODE_ECB, key: key128, iv: '', expected: '3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4' },
  { name: 'F.1.5 ECB 256', mode: MODE_ECB, key: key256, iv: '', expected: 'f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7' },
  { name: 'F.2.1 CBC 128', mode: MODE_CBC, key: key128, iv, expected: '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7' },
  { name: 'F.2.3 CBC 192', mode: MODE_CBC, key: key192, iv, expected: '4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd' },
  { name: 'F.2.5 CBC 256', mode: MODE_CBC, key: key256, iv, expected: 'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b' },
  { name: 'F.3.13 CFB 128', mode: MODE_CFB, key: key128, iv, expected: '3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6' },
  { name: 'F.4.1 OFB 128', mode: MODE_OFB, key: key128, iv, expected: '3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed8259740051e9c5fecf64344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e' },
  { name: 'F.5.1 CTR 128', mode: MODE_CTR, key: key128, iv: counter, expected: '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee' },
  { name: 'F.5.5 CTR 256', mode: MODE_CTR, key: key256, iv: counter, expected: '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6' },
] as const;

const gcmKey = 'feffe9928665731c6d6a8f9467308308';
const gcmText = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
const gcmAad = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
const gcmCases = [
  { name: 'case 1, all empty', key: '0'.repeat(32), iv: '0'.repeat(24), aad: '', text: '', expected: '', mac: '58e2fccefa7e3061367f1d57a4e7455a' },
  { name: 'case 2, one block', key: '0'.repeat(32), iv: '0'.repeat(24), aad: '', text: '0'.repeat(32), expected: '0388dace60b6a392f328c2b971b2fe78', mac: 'ab6e47d42cec13bdf53a67b21257bddf' },
  { name: 'case 4, AAD and a short last block', key: gcmKey, iv: 'cafebabefacedbaddecaf888', aad: gcmAad, text: gcmText, expected: '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091', mac: '5bc94fbc3221a5db94fae95ae7121a47' },
  { name: 'case 5, an IV of 8 bytes', key: gcmKey, iv: 'cafebabefacedbad', aad: gcmAad, text: gcmText, expected: '61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598', mac: '3612d2e79e3b0785561be14aaca2fccb' },
] as const;

for (const core of cores) {
  const crypto = core.crypto();

  test(`${core.build}: FIPS 197 appendix C, one block with each key size`, () => {
    const plain = '00112233445566778899aabbccddeeff';
    const key = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
    const cases = [[16, '69c4e0d86a7b0430d8cdb78070b4c55a'], [24, 'dda97ca4864cdfe06eaf70a0ec0d7191'], [32, '8ea2b7ca516745bfeafc49904b496089']] as const;
    for (const [length, expected] of cases) {
      const parameters = parametersOf(MODE_ECB);
      const schedule = hex(key.slice(0, 2 * length));
      assert.equal(toHex(crypto.encrypt(schedule, parameters, empty, empty, hex(plain)).data), expected);
      assert.equal(toHex(crypto.decrypt(schedule, parameters, empty, empty, hex(expected), empty)), plain);
    }
  });

  for (const vector of sp80038a) {
    test(`${core.build}: SP 800-38A ${vector.name}`, () => {
      const parameters = parametersOf(vector.mode);
      assert.equal(toHex(crypto.encrypt(hex(vector.key), parameters, hex(vector.iv), empty, hex(text)).data), vector.expected);
      assert.equal(toHex(crypto.decrypt(hex(vector.key), parameters, hex(vector.iv), empty, hex(vector.expected), empty)), text);
    });
  }

  for (const vector of gcmCases) {
    test(`${core.build}: GCM ${vector.name}`, () => {
      const parameters = parametersOf(MODE_GCM);
      const output = crypto.encrypt(hex(vector.key), parameters, hex(vector.iv), hex(vector.aad), hex(vector.text));
      assert.deepEqual([toHex(output.data), toHex(output.mac)], [vector.expected, vector.mac]);
      assert.equal(toHex(crypto.decrypt(hex(vector.key), parameters, hex(vector.iv), hex(vector.aad), output.data, output.mac)), vector.text);
    });
  }

  test(`${core.build}: every byte value in every position, through vector permute and through the bitsliced kernels`, () => {
    const key = hex(key192);
    for (let position = 0; position < 16; position++) {
      const data = new Uint8Array(4096).fill(0x5a);
      for (let value = 0; value < 256; value++) data[value * 16 + position] = value;
      const parameters = parametersOf(MODE_ECB);
      const expected = referenceEncrypt(key, parameters, empty, empty, data).data;
      assert.deepEqual(Buffer.from(crypto.encrypt(key, parameters, empty, empty, data).data), expected);
      assert.deepEqual(crypto.decrypt(key, parameters, empty, empty, expected, empty), data);
      for (let offset = 0; offset < 4096; offset += 16) {
        const block = data.subarray(offset, offset + 16);
        const output = crypto.encrypt(key, parameters, empty, empty, block).data;
        assert.deepEqual(Buffer.from(output), expected.subarray(offset, offset + 16));
        assert.deepEqual(crypto.decrypt(key, parameters, empty, empty, output, empty), block);
      }
    }
  });

  test(`${core.build}: CTR counts through every carry of its 128 bits`, () => {
    const key = hex(key256);
    const data = new Uint8Array(16 * 40);
    for (let bytes = 1; bytes <= 16; bytes++) {
      for (const last of [0xff, 0xf9, 0xf0, 0xe0]) {
        const start = new Uint8Array(16).fill(0xff, 16 - bytes);
        start[15] = last;
        const parameters = parametersOf(MODE_CTR);
        assert.deepEqual(Buffer.from(crypto.encrypt(key, parameters, start, empty, data).data), referenceEncrypt(key, parameters, start, empty, data).data);
      }
    }
  });
}
