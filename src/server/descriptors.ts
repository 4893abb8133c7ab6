/**
 * File descriptors: the connections that a node takes have to leave enough of them for the store.
 *
 *     open files allowed = workers × pendingHandshakes + connections + what the process itself needs
 *
 * Invariant: whoever opens connections, with or without a certificate, cannot use up the descriptors that LevelDB needs
 * for its next file: a store that cannot write ends the node. Node raises the soft limit to the hard one at its start.
 */
import { readFileSync } from 'node:fs';
import type { Log } from '../log.ts';
import type { Limits } from './limits.ts';

/** LevelDB keeps up to 1,000 tables open; the admin port takes 256 connections. Of a smaller allowance the process gets half. */
const ownDescriptors = 1_400;
/** Share of the sockets that may be in their handshake. */
const handshakeShare = 4;

/** Open files that the system allows this process; undefined where it does not say. */
export function openFilesMax(): number | undefined {
  let table: string;
  try {
    table = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined;
  }
  const soft = /^Max open files +(\d+)/m.exec(table)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** The limits with no more connections than there are descriptors for; says so where it has to lower one. */
export function fittedLimits(limits: Limits, workers: number, log: Log, openFiles = openFilesMax()): Limits {
  if (openFiles === undefined) return limits;
  const sockets = openFiles - Math.min(ownDescriptors, Math.ceil(openFiles / 2));
  if (limits.connections + workers * limits.pendingHandshakes <= sockets) return limits;
  const pendingHandshakes = Math.max(1, Math.min(limits.pendingHandshakes, Math.floor(sockets / handshakeShare / workers)));
  const connections = Math.max(1, Math.min(limits.connections, sockets - workers * pendingHandshakes));
  log.warn({ openFiles, connections, pendingHandshakes }, 'The system allows too few open files for the limits on connections, which are lowered; raise it (ulimit -n, LimitNOFILE).');
  return { ...limits, connections, pendingHandshakes };
}
