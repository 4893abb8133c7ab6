/**
 * `kmipd dump`: TTLV bytes as text, from a file or standard input, binary or hexadecimal.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { dump } from '../codec/dump.ts';

/** Hexadecimal text with any blanks and bars in it (`42 0078 | 01 | …`) to bytes; binary as it is. */
function bytesOf(input: Buffer): Uint8Array {
  const text = input.toString('latin1').replace(/[\s|,:]|0x/g, '');
  return text.length > 0 && text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text) ? Buffer.from(text, 'hex') : input;
}

export function dumpCommand(): Command {
  return new Command('dump')
    .argument('[file]', 'file with one message; default standard input')
    .option('--secrets', 'show key material, passwords and data too')
    .description('show TTLV bytes (binary or hexadecimal) as text')
    .action((file: string | undefined, options: { secrets?: boolean }) => {
      console.log(dump(bytesOf(readFileSync(file ?? 0)), { secrets: options.secrets ?? false }));
    });
}
