/**
 * Plays a chain of cases: builds each request, sends it as the client that the case names, compares the answer.
 *
 * A case ends at its first answer that does not hold, since what follows rests on it. The transport is a parameter: a
 * real server in `live.ts`, the recorded answers in `recorded-server.ts`.
 */
import { print } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import type { ConformanceCase, Exchange } from './case-file.ts';
import type { Chain } from './catalogue.ts';
import { compareResponse } from './compare.ts';
import type { Difference } from './compare.ts';
import { preparations } from './preparations.ts';
import { Session } from './session.ts';
import { buildItem } from './template.ts';

export interface Transport {
  /** Sends a request as client A, B or C of the scope and gives the answer. */
  exchange(client: string, request: Item): Promise<Item>;
}

export interface Failure {
  /** Number of the exchange in the case, from 1. */
  readonly step: number;
  readonly differences: readonly Difference[];
  readonly request: string;
  readonly response: string;
}

export interface CaseResult {
  readonly name: string;
  readonly version: number;
  readonly failure?: Failure;
}

export type Trace = (line: string) => void;

/** A case that asks again `[REPEAT]` waits this long in all; TC-92 sets a date two minutes ahead. */
const repeatLimitMs = 150_000;
const repeatPauseMs = 1000;

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function playExchange(exchange: Exchange, step: number, version: number, session: Session, transport: Transport, trace: Trace): Promise<Failure | undefined> {
  const deadline = performance.now() + repeatLimitMs;
  for (;;) {
    let request = '';
    let response = '';
    const saved = session.save();
    let differences: Difference[];
    try {
      const message = buildItem(exchange.request, session);
      request = print(message);
      trace(`>>> step ${step}, client ${exchange.client}\n${request}`);
      const answer = await transport.exchange(exchange.client, message);
      response = print(answer);
      trace(`<<< step ${step}\n${response}`);
      differences = compareResponse(exchange.response, answer, exchange.request, session, version);
    } catch (error) {
      differences = [{ path: '', expected: 'an answer', got: error instanceof Error ? error.message : String(error) }];
    }
    if (differences.length === 0) return undefined;
    if (exchange.repeat === undefined || performance.now() > deadline) return { step, differences, request, response };
    session.restore(saved);
    await pause(repeatPauseMs);
  }
}

async function playCase(conformanceCase: ConformanceCase, session: Session, transport: Transport, trace: Trace): Promise<CaseResult> {
  const { name, version, exchanges } = conformanceCase;
  session.beginCase();
  try {
    for (const preparation of preparations.filter((each) => each.name.test(name))) await preparation.prepare(version, session, transport);
  } catch (error) {
    const differences = [{ path: '', expected: 'what the case needs in the store', got: error instanceof Error ? error.message : String(error) }];
    return { name, version, failure: { step: 0, differences, request: '', response: '' } };
  }
  for (const [index, exchange] of exchanges.entries()) {
    const failure = await playExchange(exchange, index + 1, version, session, transport, trace);
    if (failure !== undefined) return { name, version, failure };
  }
  return { name, version };
}

/** Plays the cases of a chain in order; one that fails ends the chain, and those after it fail with it. */
export async function playChain(chain: Chain, transport: Transport, trace: Trace = () => undefined): Promise<CaseResult[]> {
  const session = new Session();
  const results: CaseResult[] = [];
  for (const conformanceCase of chain.cases) {
    const before = results.find(({ failure }) => failure !== undefined);
    const { name, version } = conformanceCase;
    if (before === undefined) results.push(await playCase(conformanceCase, session, transport, trace));
    else {
      const differences = [{ path: '', expected: `${before.name} before it`, got: 'that case failed' }];
      results.push({ name, version, failure: { step: 0, differences, request: '', response: '' } });
    }
  }
  return results;
}

/** A failure as people read it: the differences, and both messages if `full`. */
export function failureText({ name, failure }: CaseResult, full = false): string {
  if (failure === undefined) return `${name}: passed`;
  const lines = failure.differences.map(({ path, expected, got }) => `    at ${path || 'the message'}\n      expected ${expected}\n      got      ${got}`);
  const says = [...new Set(failure.response.match(/ResultMessage .*/g) ?? [])].map((message) => `    the server says: ${message}`);
  const messages = full ? [`  request:\n${failure.request}`, `  response:\n${failure.response}`] : [];
  return [`${name}, step ${failure.step}: ${failure.differences.length} difference${failure.differences.length === 1 ? '' : 's'}`, ...lines, ...says, ...messages].join('\n');
}
