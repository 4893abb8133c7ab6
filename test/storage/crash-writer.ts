/**
 * A process that writes until it is killed (for crash.test.ts): write sets of two objects and a counter, several under way at once.
 * Each line that it prints is a write set whose commit has resolved.
 */
import { writeSync } from 'node:fs';
import { createLevelStore } from '../../src/storage/level-store.ts';
import { attributeSet, created, testRootKey } from './sample-state.ts';

const lanes = 16;
const [, , folder = '', round = ''] = process.argv;
const store = await createLevelStore({ folder, rootKey: testRootKey });
writeSync(1, 'ready\n');

await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
  for (let count = 0; ; count++) {
    const identifier = `${round}-${lane}-${count}`;
    await store.commit([
      created(`${identifier}-a`, { name: identifier }),
      created(`${identifier}-b`, { name: identifier }),
      attributeSet('counter', 'ContactInformation', identifier),
    ]);
    writeSync(1, `${identifier}\n`);
  }
}));
