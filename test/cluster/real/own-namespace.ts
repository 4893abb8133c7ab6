/**
 * Takes a harness into a network namespace of its own, by running its program again in there: everything that it makes of networks
 * and starts as processes is then gone with it.
 *
 *     the program ── unshare ── the program again, first process of its own process namespace ── nodes, nats-servers, hosts' holders
 *
 * Invariant: whatever ends the first, also kill -9, ends the second (SIGTERM), and its end is the kernel's end for all the others.
 * Needs unshare, nsenter and setpriv (util-linux), ip (iproute2), and root or user namespaces; installs nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { networkKinds } from './hosts.ts';
import type { NetworkKind } from './hosts.ts';

export const networkChoices = [...networkKinds, 'auto'] as const;
export type NetworkChoice = (typeof networkChoices)[number];

const insideVariable = 'KMIPD_TEST_NETWORK_INSIDE';
const graceMs = 30_000;

function unshareWords(): readonly string[] {
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return ['--pdeathsig', 'KILL', 'unshare', ...asRoot, '--net', '--pid', '--mount', '--mount-proc', '--fork', '--kill-child=SIGTERM', '--'];
}

/** Everything that will be needed, once. Its end is the end of what it started. */
const rehearsal = `set -e
ip link add name bridge0 type bridge stp_state 0
ip link set dev lo up
unshare --net sleep 10 & host=$!
while [ "$(readlink /proc/$host/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add name port0 type veth peer name wire0 netns $host
ip link set dev port0 master bridge0 up
nsenter --net=/proc/$host/ns/net ip link set dev wire0 up`;

/** Why no namespaces can be made here, or false. */
export function namespacesMissing(): string | false {
  if (process.platform !== 'linux') return 'this is not Linux';
  const { status, error, stderr } = spawnSync('setpriv', [...unshareWords(), 'sh', '-c', rehearsal], { encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? false : (error?.message ?? (stderr.trim().split('\n').at(-1) || `a rehearsal ended with ${status}`));
}

/**
 * Which network the run is to use. Where it is namespaces and this process has none of its own yet, the program is run again in one, and
 * this call ends the process with that one's exit code.
 */
export async function enterNetwork(choice: NetworkChoice, say: (line: string) => void): Promise<NetworkKind> {
  if (choice === 'loopback') return 'loopback';
  if (process.env[insideVariable] === '1') return 'namespaces';
  const missing = namespacesMissing();
  if (missing !== false) {
    if (choice === 'namespaces') throw new Error(`no network namespaces can be made here: ${missing}`);
    say(`network: relays on loopback, for no network namespaces can be made here (${missing})`);
    return 'loopback';
  }
  say('network: a network namespace for each node and nats-server');
  process.exit(await runInside(process.argv.slice(1)));
}

/** Runs a program of Node's in namespaces of its own, and gives its exit code. Signals that this process gets are for that one. */
export async function runInside(words: readonly string[]): Promise<number> {
  const child = spawn('setpriv', [...unshareWords(), process.execPath, ...process.execArgv, ...words], { stdio: 'inherit', env: { ...process.env, [insideVariable]: '1' } });
  const ended = once(child, 'exit');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      tell(child.pid!, signal);
      setTimeout(() => child.kill('SIGKILL'), graceMs).unref();
    });
  }
  const [code] = (await ended) as [number | null];
  return code ?? 1;
}

/** `unshare` passes no signals on: they go to its only child. */
function tell(unshare: number, signal: NodeJS.Signals): void {
  try {
    for (const child of readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').trim().split(' ')) if (child !== '') process.kill(Number(child), signal);
  } catch {
    // It has just ended, or the kernel does not list children: then the end of `unshare` itself tells it.
    try { process.kill(unshare, 'SIGKILL'); } catch { /* it is gone */ }
  }
}
