/**
 * What a client asks of a member in the test's own process: an identity, keys with and without limits, and encryptions.
 */
import assert from 'node:assert/strict';
import { readPayload, readResponse, writeRequest } from '../../src/codec/message.ts';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, ResultStatus, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import type { Fields, Infer, StructureType } from '../../src/kmip/schema.ts';
import type { MemberKeeper } from '../../src/member/member-keeper.ts';
import { activate } from '../../src/operations/activate.ts';
import { create } from '../../src/operations/create.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import type { Operation } from '../../src/operations/operation.ts';
import type { CredentialRecord, Mutation } from '../../src/storage/mutation.ts';
import { scopePut } from '../storage/sample-state.ts';
import { membersRootKey } from './members.ts';

export const credential: CredentialRecord = { fingerprint: 'c'.repeat(64), scope: 'default', role: 'user', serialNumber: '1', subject: 'CN=client', notAfter: 2 ** 40, createdAt: 1 };
export const identity: readonly Mutation[] = [
  scopePut('default', membersRootKey),
  { kind: 'role-put', record: { scope: 'default', role: 'user', permissions: ['operation_all'], createdAt: 1 } },
  { kind: 'credential-put', record: credential },
];

export function messageOf<Request extends StructureType<Fields>>(operation: Operation<Request>, payload: Infer<Request>): Uint8Array {
  return writeRequest(14, {}, [{ operation: operation.code, payload: { type: operation.request, value: payload } }]);
}

/** The answer's payload, or its Result Reason and message. */
export async function asked<Request extends StructureType<Fields>, Response extends StructureType<Fields>>(keeper: MemberKeeper, operation: Operation<Request, Response>, payload: Infer<Request>): Promise<Infer<Response>> {
  const { response } = await keeper.submit(messageOf(operation as unknown as Operation, payload as never), credential.fingerprint);
  const message = readResponse(response);
  const [item] = message.items;
  assert.equal(item!.resultStatus, ResultStatus.Success, String(item!.resultMessage));
  return readPayload(message, item!, operation.response);
}

export async function refusal(keeper: MemberKeeper, message: Uint8Array): Promise<{ readonly reason: number | undefined; readonly text: string | undefined }> {
  const { response } = await keeper.submit(message, credential.fingerprint);
  const [item] = readResponse(response).items;
  assert.equal(item!.resultStatus, ResultStatus.OperationFailed);
  return { reason: item!.resultReason, text: item!.resultMessage };
}

export const newKey = (more: readonly { name: string; value: unknown }[] = []) => ({
  objectType: ObjectType.SymmetricKey,
  attributes: [
    { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES }, { name: 'CryptographicLength', value: 256 },
    { name: 'CryptographicUsageMask', value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt }, ...more,
  ],
}) as Infer<typeof create.request>;

export async function activeKey(keeper: MemberKeeper, more: readonly { name: string; value: unknown }[] = []): Promise<string> {
  const { uniqueIdentifier } = await asked(keeper, create, newKey(more));
  await asked(keeper, activate, { uniqueIdentifier });
  return uniqueIdentifier;
}

export const limited = (total: bigint) => [{ name: 'UsageLimits', value: { usageLimitsTotal: total, usageLimitsCount: total, usageLimitsUnit: UsageLimitsUnit.Object } }];
export const encryption = (uniqueIdentifier: string): Infer<typeof encrypt.request> => ({ uniqueIdentifier, cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM }, data: new Uint8Array(16) });

/** Units that no member holds, as the member's disk has them. */
export const unitsLeft = (keeper: MemberKeeper, key: string): Promise<bigint> =>
  keeper.read((store) => (store.glance('default', key)!.attributes.get('UsageLimits')![0]!.value as { usageLimitsCount: bigint }).usageLimitsCount);
