/**
 * Every operation the server has, a line each, by Operation value (KMIP 1.4 §9.1.3.2.27). Dispatch, Query, permissions,
 * metric labels and client methods are derived from this list.
 */
import { newestVersion } from '../kmip/version.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import { activate } from './activate.ts';
import { addAttribute } from './add-attribute.ts';
import { adjustAttribute } from './adjust-attribute.ts';
import { check } from './check.ts';
import { create } from './create.ts';
import { decrypt } from './decrypt.ts';
import { deleteAttribute } from './delete-attribute.ts';
import { destroy } from './destroy.ts';
import { discoverVersions } from './discover-versions.ts';
import { encrypt } from './encrypt.ts';
import { getAttributeList } from './get-attribute-list.ts';
import { getAttributes } from './get-attributes.ts';
import { get } from './get.ts';
import { interop } from './interop.ts';
import { locate } from './locate.ts';
import { modifyAttribute } from './modify-attribute.ts';
import type { Operation } from './operation.ts';
import { query } from './query.ts';
import { register } from './register.ts';
import { revoke } from './revoke.ts';
import { setAttribute } from './set-attribute.ts';

export const operations = [
  create,
  register,
  locate,
  check,
  get,
  getAttributes,
  getAttributeList,
  addAttribute,
  modifyAttribute,
  deleteAttribute,
  activate,
  revoke,
  destroy,
  query,
  discoverVersions,
  encrypt,
  decrypt,
  adjustAttribute,
  setAttribute,
  interop,
] as const;

const byCode: ReadonlyMap<number, Operation> = new Map(operations.map((each) => [each.code, each as unknown as Operation]));

/** Operations that a version of the protocol has. */
export function supportedOperations(version: ProtocolVersion): readonly Operation[] {
  return [...byCode.values()].filter((each) => version >= each.since && version <= (each.until ?? newestVersion));
}

/** The operation with this Operation value, whatever the version; undefined for one the server lacks. */
export function operationByCode(code: number): Operation | undefined {
  return byCode.get(code);
}
