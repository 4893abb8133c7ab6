/**
 * What the project promises of its speed, in words, and which bench judges it. A floor names its target by "performance targets N"
 * in its source; a bench whose floors do not is judged as a whole.
 */
export interface Target {
  readonly number: number;
  readonly text: string;
  readonly bench: string;
}

export const targets: readonly Target[] = [
  { number: 1, bench: 'core', text: 'the core beside OpenSSL without AES instructions, and beside one-shot calls of node:crypto; constant time' },
  { number: 2, bench: 'core', text: 'the accelerator never slower than 0.9 of the better of core and node:crypto' },
  { number: 3, bench: 'server', text: 'server CPU of an Encrypt at most 1.2 times that of a bare TLS echo, 2.5 times when 16 deep' },
  { number: 4, bench: 'server', text: '1000 Encrypt items of 64 bytes in a message: 500,000 items a second in process, 300,000 over mutual TLS' },
  { number: 5, bench: 'peers', text: "at least 50 times the requests a second of PyKMIP's server, Get and Encrypt" },
  { number: 6, bench: 'store', text: 'Create with fsync: 3,000 a second at 64 connections and 15 times one connection; a million objects: Locate by Name p99 under 2 ms, start under 2 s, memory per object near zero' },
  { number: 7, bench: 'growth', text: 'flat p50 and CPU per request from 1 to 1,000 connections, and from 1 to 100,000 keys in use; handshakes full and resumed' },
];

/** The number of the target that a floor of a bench belongs to. */
export function targetOf(bench: string, source: string): number | undefined {
  const named = /performance targets (\d+)/.exec(source)?.[1];
  return named === undefined ? targets.find((target) => target.bench === bench)?.number : Number(named);
}
