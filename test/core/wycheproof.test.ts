// Wycheproof's vectors for AES-GCM, AES-GMAC (GCM without text) and AES-CBC with PKCS5, from the reference data: valid ones decrypt
// and encrypt to the same bytes, invalid ones are refused. A file that the reference data leaves out is named as skipped.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MODE_CBC, MODE_GCM } from '../../core/abi.ts';
import { CoreError } from '../../src/wasm/status.ts';
import { requireShared } from '../harness/shared-data.ts';
import { cores, hex, parametersOf, toHex } from './cores.ts';

interface WycheproofFile {
  readonly testGroups: readonly {
    readonly tagSize?: number;
    readonly tests: readonly { tcId: number; comment: string; key: string; iv: string; aad?: string; msg: string; ct?: string; tag?: string; result: string }[];
  }[];
}

const shared = requireShared('conformance/wycheproof');

function open(name: string): { vectors: WycheproofFile | undefined; skip: string | false } {
  if (shared.folder === undefined) return { vectors: undefined, skip: shared.skip };
  const file = join(shared.folder, 'conformance/wycheproof', name);
  if (!existsSync(file)) return { vectors: undefined, skip: `${name} is not in the reference data` };
  return { vectors: JSON.parse(readFileSync(file, 'utf8')) as WycheproofFile, skip: false };
}

const isRefusal = (error: unknown): boolean => error instanceof CoreError;

for (const core of cores) {
  for (const name of ['aes_gcm_test.json', 'aes_gmac_test.json', 'aes_cbc_pkcs5_test.json']) {
    const { vectors, skip } = open(name);
    test(`${core.build}: Wycheproof ${name}`, { skip }, () => {
      const crypto = core.crypto();
      const seen = { valid: 0, invalid: 0 };
      for (const group of vectors!.testGroups) {
        for (const vector of group.tests) {
          const where = `tcId ${vector.tcId} (${vector.comment})`;
          const isGmac = name.startsWith('aes_gmac');
          const parameters = name.startsWith('aes_cbc')
            ? parametersOf(MODE_CBC, true)
            : parametersOf(MODE_GCM, false, group.tagSize! / 8);
          const [key, iv, cipher, mac] = [vector.key, vector.iv, vector.ct ?? '', vector.tag ?? ''].map(hex) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
          const aad = hex(isGmac ? vector.msg : vector.aad ?? '');
          const plain = isGmac ? '' : vector.msg;
          const decrypt = (): Uint8Array => crypto.decrypt(key, parameters, iv, aad, cipher, mac);
          if (vector.result === 'valid') {
            seen.valid++;
            assert.equal(toHex(decrypt()), plain, where);
            const output = crypto.encrypt(key, parameters, iv, aad, hex(plain));
            assert.deepEqual([toHex(output.data), toHex(output.mac)], [toHex(cipher), toHex(mac)], where);
          } else if (vector.result === 'invalid') {
            seen.invalid++;
            assert.throws(decrypt, isRefusal, where);
          }
        }
      }
      assert.ok(seen.valid > 10 && seen.invalid > 10, JSON.stringify(seen));
    });
  }
}

