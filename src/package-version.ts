/**
 * The version of the package, from its manifest: one folder above the source, two above what was built from it.
 */
import { readFileSync } from 'node:fs';
import { Fault } from './fault.ts';

export function packageVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Fault('E_PACKAGE', 'The package.json of kmipd is not where it belongs.');
}
