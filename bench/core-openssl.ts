/**
 * The fair rival of code that has no AES instructions: native OpenSSL with its own switched off, by `openssl speed`.
 *
 * Invariant: it is measured only where the mask means what it should: x86-64, where OPENSSL_ia32cap clears AES-NI (bit 57) and
 * PCLMULQDQ (bit 33) and leaves SSSE3, on which OpenSSL's vector-permute and bitsliced code run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const mask = '~0x200000200000000';

/** Why there is nothing to compare with; undefined: there is. */
export function openSslMissing(): string | undefined {
  if (process.arch !== 'x64') return `OpenSSL's AES instructions can be switched off on x86-64 only, this is ${process.arch}`;
  if (existsSync('/proc/cpuinfo') && !/^flags\s*:.*\bssse3\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))) return 'the processor has no SSSE3, so OpenSSL would run other code';
  if (spawnSync('openssl', ['version']).status !== 0) return 'there is no openssl command';
  return undefined;
}

export function openSslVersion(): string {
  return spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout.trim();
}

/** Bytes a second of user time, over one second. `kernel`: "CBC decrypt". */
export function openSslSpeed(kernel: string, bytes: number): number {
  const [mode, direction] = kernel.split(' ') as [string, string];
  const arguments_ = ['speed', '-mr', '-seconds', '1', '-bytes', String(bytes), '-evp', `aes-256-${mode.toLowerCase()}`, ...(direction === 'decrypt' ? ['-decrypt'] : [])];
  const { stdout, stderr } = spawnSync('openssl', arguments_, { encoding: 'utf8', env: { ...process.env, OPENSSL_ia32cap: mask } });
  const speed = /^\+F:\d+:[^:]+:([\d.]+)/m.exec(stdout)?.[1];
  if (speed === undefined) throw new Error(`openssl speed answered nothing to read: ${stderr.slice(0, 200)}`);
  return Number(speed);
}
