/**
 * The port that a node's workers will listen on, proved free before anything else is done.
 *
 *   a port that was asked for:   tried and let go; workers of one node share it by `reusePort`, two nodes by mistake must not
 *   any free port (0):           held until the workers listen, or another process is given it in between
 *
 * Invariant: who comes to a held port meanwhile is turned away: nobody has been told of it.
 */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Fault } from '../fault.ts';

export interface OwnPort {
  readonly port: number;
  /** The workers listen, or never will. */
  release(): Promise<void>;
}

/** Where the system lets several sockets listen on one port; see `listener.ts`. */
export const canSharePorts = process.platform === 'linux';

export async function takePort(host: string | undefined, wanted: number): Promise<OwnPort> {
  const probe = createServer((socket) => socket.destroy());
  const isHeld = wanted === 0 && canSharePorts;
  const release = (): Promise<void> => new Promise((resolve) => { probe.close(() => resolve()); });
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen({ ...(host !== undefined && { host }), port: wanted, reusePort: isHeld }, resolve);
    });
  } catch (cause) {
    throw new Fault('E_LISTEN', `KMIP cannot listen on ${host ?? 'all addresses'}, port ${wanted}.`, { cause });
  }
  const { port } = probe.address() as AddressInfo;
  if (!isHeld) await release();
  return { port, release };
}
