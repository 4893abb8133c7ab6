/**
 * Items a second of messages with a thousand Encrypts of 64 bytes: over mutual TLS from one worker, and of the worker's own code in
 * this process, without TLS.
 */
import { createFastPath } from '../src/server/engine-parts.ts';
import { nonceSource } from '../src/random.ts';
import { chooseCoreBuild, compileCore, instantiateCore } from '../src/wasm/load.ts';
import { DATE_ALWAYS, DATE_NEVER, PERMISSION_ENCRYPT } from '../core/abi.ts';
import { CryptographicUsageMask, State } from '../src/kmip/enums.ts';
import { closedLoop } from './closed-loop.ts';
import type { LoopResult } from './closed-loop.ts';
import { round } from './report.ts';
import type { Row } from './report.ts';
import { median } from './server-cost.ts';
import type { CostOptions, Rivals } from './server-cost.ts';
import { encryptMessage } from './server-messages.ts';

export const batchItems = 1000;
export const batchDataBytes = 64;

export interface BatchRate {
  readonly row: Row;
  readonly itemsPerSecond: number;
}

export async function batchOverTls({ node, client, uniqueIdentifier }: Rivals, connections: number, { rounds, ...time }: CostOptions): Promise<BatchRate> {
  const request = encryptMessage(uniqueIdentifier, batchDataBytes, batchItems);
  const answerBytes = (await client.sendRaw(request)).length;
  const results: LoopResult[] = [];
  for (let turn = 0; turn < rounds; turn += 1) results.push(await closedLoop(node, request, { connections, ...time }));
  const itemsPerSecond = median(results.map(({ requestsPerSecond }) => requestsPerSecond)) * batchItems;
  return {
    itemsPerSecond,
    row: {
      where: `over mutual TLS, connections: ${connections}`, 'request bytes': request.length, 'answer bytes': answerBytes, 'items/s': Math.round(itemsPerSecond),
      'CPU µs an item': round(median(results.map((result) => result.cpuMicrosecondsPerRequest)) / batchItems),
    },
  };
}

const facts = {
  flags: 0, state: State.Active, usageMask: CryptographicUsageMask.Encrypt, parameters: [],
  activation: DATE_ALWAYS, deactivation: DATE_NEVER, processStart: DATE_ALWAYS, protectStop: DATE_NEVER,
} as const;

/** The fast path on one thread: whole messages in, whole answers out. */
export function batchInProcess({ rounds, milliseconds }: CostOptions): BatchRate {
  const fastPath = createFastPath(instantiateCore(compileCore(chooseCoreBuild())), nonceSource(1), 16, undefined);
  const [scope, seconds, uniqueIdentifier] = [1, 1_700_000_000, '01890a5d-ac96-774b-bcce-b302099a8057'];
  fastPath.loadSlot(scope, uniqueIdentifier, facts, new Uint8Array(32).fill(7));
  const message = encryptMessage(uniqueIdentifier, batchDataBytes, batchItems);
  const run = (time: number): number => {
    const began = performance.now();
    let messages = 0;
    for (; performance.now() - began < time; messages += 1) {
      if (fastPath.handle(message, scope, PERMISSION_ENCRYPT, seconds).kind !== 'answer') throw new Error('the fast path did not answer');
    }
    return (messages * batchItems * 1000) / (performance.now() - began);
  };
  run(milliseconds / 2);
  const itemsPerSecond = median(Array.from({ length: rounds }, () => run(milliseconds / 2)));
  fastPath.forget();
  return { itemsPerSecond, row: { where: 'in process, without TLS', 'request bytes': message.length, 'items/s': Math.round(itemsPerSecond), 'CPU µs an item': round(1e6 / itemsPerSecond) } };
}
