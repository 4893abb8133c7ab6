/**
 * Whether a foreign client of the distribution (PyKMIP, libmongocrypt) is installed, and what to say if it is not.
 *
 * Where one is missing its tests are skipped with a message that names the package; with CI=true they fail, so that no
 * pipeline passes without them.
 */
import { spawnSync } from 'node:child_process';

/** Debian's interpreter: another Python on the PATH does not see Debian's packages. */
export const systemPython = '/usr/bin/python3';

/** `false` if the command succeeds, else the message to skip with; throws with CI=true. */
export function skipUnless(command: string, commandArguments: readonly string[], what: string): false | string {
  if (spawnSync(command, commandArguments, { stdio: 'ignore' }).status === 0) return false;
  const message = `${what} is not installed`;
  if (process.env['CI'] === 'true') throw new Error(message);
  return message;
}
