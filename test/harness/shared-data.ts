/**
 * Finds the reference data (OASIS cases, NIST and Wycheproof vectors, client flows) that is no part of the repository.
 *
 * It is looked for in the folder that KMIPD_SHARED names, else in `shared` beside the repository root. Where it is
 * missing, tests that need it skip with a message; with CI=true they fail, so that no pipeline passes without them.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const repositoryRoot = resolve(import.meta.dirname, '../..');

export type SharedData =
  | { readonly folder: string; readonly skip: false }
  | { readonly folder: undefined; readonly skip: string };

/**
 * The folder, or the message to skip with: `test(name, { skip: shared.skip }, …)`. Throws if it is missing and CI=true.
 * `inside` is a path that has to exist in it, for example `conformance/nist-cavp`.
 */
export function requireShared(inside = 'conformance'): SharedData {
  const folder = resolve(process.env['KMIPD_SHARED'] ?? join(repositoryRoot, '../shared'));
  if (existsSync(join(folder, inside))) return { folder, skip: false };
  const message = `reference data missing: no ${inside} in ${folder} (set KMIPD_SHARED to the folder that has it)`;
  if (process.env['CI'] === 'true') throw new Error(message);
  return { folder: undefined, skip: message };
}
