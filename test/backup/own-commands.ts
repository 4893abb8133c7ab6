/**
 * `kmipd` commands as processes of their own, with nothing of this process's environment that would change what they do.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { repositoryRoot } from '../harness/shared-data.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const limitMs = 60_000;

export function kmipd(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const whole = { ...process.env, ...(process.env['CI'] === 'true' ? {} : { KMIPD_FROM_SOURCE: '1' }), ...env };
  return new Promise((resolve) => {
    execFile(path.join(repositoryRoot, 'bin/kmipd'), args, { env: whole, encoding: 'utf8', timeout: limitMs }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}
