/**
 * What has to be in the store before a case begins, where the case says so in words only (reference data README, "Cases
 * that need something").
 */
import { ResultStatus } from '../../src/kmip/enums.ts';
import { attribute, find, item, print, request } from '../harness/wire.ts';
import type { Transport } from './play.ts';
import type { Session } from './session.ts';

export interface Preparation {
  readonly name: RegExp;
  prepare(version: number, session: Session, transport: Transport): Promise<void>;
}

/** TC-151: an object in group `default` that nobody has fetched yet. The file's answer shows an AES-256 key. */
async function createFreshKey(version: number, session: Session, transport: Transport): Promise<void> {
  const answer = await transport.exchange('A', request(version, [{
    operation: 'Create',
    payload: [
      item('ObjectType', 'SymmetricKey'),
      item('TemplateAttribute', [
        attribute('Cryptographic Algorithm', 'AES'),
        attribute('Cryptographic Length', 256),
        attribute('Cryptographic Usage Mask', 'Encrypt Decrypt'),
        attribute('Object Group', 'default'),
      ]),
    ],
  }]));
  const identifier = find(answer, 'BatchItem', 'ResponsePayload', 'UniqueIdentifier')?.value;
  if (find(answer, 'BatchItem', 'ResultStatus')?.value !== ResultStatus.Success || typeof identifier !== 'string') {
    throw new Error(`could not create the key that TC-151 needs:\n${print(answer)}`);
  }
  session.noteMade(identifier);
}

export const preparations: readonly Preparation[] = [{ name: /^TC-151-\d\d$/, prepare: createFreshKey }];
