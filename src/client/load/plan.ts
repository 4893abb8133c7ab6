/**
 * What a load run does: which requests, how many, how fast, for how long. Every figure has a limit, so that no run can
 * eat the machine it runs on or go on for ever.
 *
 * A message holds `batch` items of one operation; the rate counts messages. With a rate the run is open-loop: messages are
 * due at times fixed beforehand, whether or not the server keeps up, and latency counts from then (no coordinated
 * omission). Rate 0 is closed-loop: each connection keeps `pipeline` messages on their way.
 */
import { versionText } from '../../kmip/version.ts';
import type { ProtocolVersion } from '../../kmip/version.ts';

/** Operations a run can be made of, and the first version that has them. */
export const loadOperations = {
  encrypt: { since: 12 },
  decrypt: { since: 12 },
  get: { since: 10 },
  'get-attributes': { since: 10 },
  locate: { since: 10 },
  create: { since: 10 },
  register: { since: 10 },
  query: { since: 10 },
  'discover-versions': { since: 11 },
} as const;
export type LoadOperation = keyof typeof loadOperations;

/** Cipher modes, and the first version that can say all that they need. */
export const loadModes = { ecb: { since: 12 }, cbc: { since: 12 }, cfb: { since: 12 }, ofb: { since: 12 }, ctr: { since: 12 }, gcm: { since: 14 } } as const;
export type LoadMode = keyof typeof loadModes;

export interface LoadPlan {
  readonly version: ProtocolVersion;
  readonly mix: readonly { readonly operation: LoadOperation; readonly weight: number }[];
  /** Messages a second, all connections together; 0: closed loop. */
  readonly rate: number;
  /** Gaps between due times: exponential, as independent clients have them, or all the same. */
  readonly arrival: 'poisson' | 'even';
  readonly connections: number;
  /** Messages on their way at once on one connection. */
  readonly pipeline: number;
  /** Items of one message. */
  readonly batch: number;
  readonly payloadBytes: number;
  /** Own keys to spread the requests over. */
  readonly keys: number;
  readonly mode: LoadMode;
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Messages after which the run ends, warm-up included, whatever the duration. */
  readonly messages: number;
  /** Threads that make the load; connections and rate are shared out among them. */
  readonly threads: number;
  /** From sending a message to its answer, and from the end of the run to the last one. */
  readonly timeoutMs: number;
  /** One answer in so many is checked: an Encrypt by having it decrypted. 0 checks none. */
  readonly checkEvery: number;
  readonly seed: number;
  /** Whether the last 2 ms before a message is due are waited for awake: exact, at the price of a processor. */
  readonly spin: boolean;
}

export const defaultPlan: LoadPlan = {
  version: 21, mix: [{ operation: 'encrypt', weight: 1 }], rate: 1000, arrival: 'poisson', connections: 8, pipeline: 8, batch: 1, payloadBytes: 256, keys: 16,
  mode: 'gcm', warmupMs: 2_000, durationMs: 10_000, messages: 100_000_000, threads: 1, timeoutMs: 10_000, checkEvery: 100, seed: 1, spin: true,
};

/** Most of each figure. */
export const planLimits = {
  /** Above it one process measures itself. */
  rate: 5_000_000,
  connections: 20_000,
  pipeline: 1_024,
  batch: 10_000,
  /** Servers take messages of about a mebibyte by default. */
  payloadBytes: 8 << 20,
  keys: 100_000,
  warmupMs: 3_600_000,
  durationMs: 86_400_000,
  messages: 1_000_000_000,
  threads: 64,
  timeoutMs: 600_000,
  checkEvery: 1_000_000_000,
  seed: 0xffffffff,
} as const;

/** Least of each figure, where it is not 0. */
const leasts: Partial<Record<keyof typeof planLimits, number>> = { connections: 1, pipeline: 1, batch: 1, keys: 1, durationMs: 1, messages: 1, threads: 1, timeoutMs: 1 };

/** The run cannot be as it was asked for, or the server would not let it begin. */
export class LoadError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LoadError';
  }
}

/** Throws a LoadError that names what does not fit. */
export function checkPlan(plan: LoadPlan): void {
  for (const name of Object.keys(planLimits) as (keyof typeof planLimits)[]) {
    const [value, least, most] = [plan[name], leasts[name] ?? 0, planLimits[name]];
    if (!(value >= least && value <= most)) throw new LoadError(`${name} is ${value}; allowed is ${least} to ${most}`);
    if (name !== 'rate' && !Number.isInteger(value)) throw new LoadError(`${name} is ${value}; a whole number is needed`);
  }
  if (plan.threads > plan.connections) throw new LoadError(`${plan.threads} threads have too little to do with ${plan.connections} connections`);
  if (plan.mix.length === 0 || !plan.mix.every(({ weight }) => weight > 0 && Number.isFinite(weight))) throw new LoadError('the mix needs operations with weights above 0');
  if (new Set(plan.mix.map(({ operation }) => operation)).size !== plan.mix.length) throw new LoadError('the mix names an operation twice');
  for (const { operation } of plan.mix) {
    const since = operation === 'encrypt' || operation === 'decrypt' ? loadModes[plan.mode].since : loadOperations[operation].since;
    if (plan.version < since) throw new LoadError(`${operation}${since > 12 ? ` with mode ${plan.mode}` : ''} needs KMIP ${versionText(since)}, the run is to speak ${versionText(plan.version)}`);
  }
}

/** Reads `encrypt=80,decrypt=15,get=5`; a name alone has weight 1. */
export function parseMix(text: string): LoadPlan['mix'] {
  return text.split(',').map((part) => {
    const [name = '', weight = '1'] = part.trim().split('=');
    if (!Object.hasOwn(loadOperations, name)) throw new LoadError(`the mix names ${JSON.stringify(name)}; there are ${Object.keys(loadOperations).join(', ')}`);
    return { operation: name as LoadOperation, weight: /^\d+(\.\d+)?$/.test(weight) ? Number(weight) : Number.NaN };
  });
}
