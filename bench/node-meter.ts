/**
 * What a node tells of itself while it is measured: processor time from the kernel, counters from its `/metrics`.
 *
 * Invariant: two readings of one process; only their difference means anything. Scraping costs the node's main thread a few
 * milliseconds, so a stretch begins after the first scrape and ends before the second.
 */
import { readFileSync } from 'node:fs';
import type { Node } from './peers.ts';

/** Ticks a second of /proc/PID/stat (USER_HZ), the same on every Linux. */
const ticksPerSecond = 100;

/** Seconds of user and system time of a process, all its threads. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Bytes of a process's own pages (without mapped files, which are the page cache). */
export function ownMemoryBytes(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

export type Counters = ReadonlyMap<string, number>;

/** Each metric's sum over its labels. */
export async function scrape(node: Node): Promise<Counters> {
  const text = await (await fetch(`http://127.0.0.1:${node.adminPort}/metrics`)).text();
  const sums = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{[^}]*\})? (\S+)$/.exec(line);
    if (match !== null) sums.set(match[1]!, (sums.get(match[1]!) ?? 0) + Number(match[2]));
  }
  return sums;
}

export interface Stretch {
  readonly processorSeconds: number;
  /** When it began. */
  readonly ownMemoryBytes: number;
  /** How much a counter grew. */
  grown(name: string): number;
}

/** Begins a stretch; the answer ends it. */
export async function beginStretch(node: Node): Promise<() => Promise<Stretch>> {
  const before = await scrape(node);
  const memory = ownMemoryBytes(node.pid);
  const began = processorSeconds(node.pid);
  return async () => {
    const used = processorSeconds(node.pid) - began;
    const after = await scrape(node);
    return { processorSeconds: used, ownMemoryBytes: memory, grown: (name) => (after.get(name) ?? 0) - (before.get(name) ?? 0) };
  };
}
