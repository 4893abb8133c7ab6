/**
 * `kmipd load`: how a KMIP server, kmipd or another, does under load. The run itself is `client/load/`.
 *
 * Shows a line a second on a terminal, a table in the end, and with --json and --html leaves files. Ends with 1 when
 * nothing was answered or an answer was wrong; failures that the server tells are results, not a reason to fail.
 */
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { runLoad } from '../client/load/load.ts';
import type { LoadProgress, LoadResult } from '../client/load/load.ts';
import { LoadError, checkPlan, defaultPlan, loadModes, loadOperations, parseMix } from '../client/load/plan.ts';
import type { LoadMode, LoadPlan } from '../client/load/plan.ts';
import { Fault } from '../fault.ts';
import { loadPage } from './load-page.ts';
import { clientOptions, withKmipOptions } from './kmip-session.ts';
import type { KmipOptions } from './kmip-session.ts';
import { printRows } from './output.ts';

const exitFailed = 1;

interface LoadFlags extends KmipOptions {
  readonly rate: number;
  readonly closed?: boolean;
  readonly arrival: LoadPlan['arrival'];
  readonly connections: number;
  readonly pipeline: number;
  readonly batch: number;
  readonly payload: number;
  readonly mix: LoadPlan['mix'];
  readonly mode: LoadMode;
  readonly keys: number;
  readonly warmup: number;
  readonly duration: number;
  readonly messages: number;
  readonly threads: number;
  readonly timeout: number;
  readonly check: number;
  readonly seed: number;
  readonly spin: boolean;
  readonly ciphers?: string;
  readonly json?: string;
  readonly html?: string;
}

const number = (text: string): number => {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
};

/** `10`, `10s`, `500ms`, `2m` in milliseconds. */
const time = (text: string): number => {
  const match = /^(\d{1,9}(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected a time such as 10s, 500ms or 2m.');
  return Math.round(Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[(match[2] ?? 's') as 'ms' | 's' | 'm']);
};

const mixture = (text: string): LoadPlan['mix'] => {
  try {
    return parseMix(text);
  } catch (error) {
    throw error instanceof LoadError ? new InvalidArgumentError(`${error.message}.`) : error;
  }
};

const latencyText = (ms: number): string => (ms < 10 ? ms.toFixed(3) : ms < 1000 ? ms.toFixed(1) : ms.toFixed(0));

/** One line that is written over each second; nothing where standard error is no terminal. */
function liveLine(plan: LoadPlan): { show(progress: LoadProgress): void; end(): void } {
  const { stderr } = process;
  const write = (text: string): void => void (stderr.isTTY && stderr.write(`\r\x1b[K${text.slice(0, (stderr.columns ?? 80) - 1)}`));
  return {
    show(progress) {
      if (progress.kind === 'phase') return write(`${progress.phase} …`);
      const { second, due, answered, failed, waiting, p50, p99 } = progress.second;
      const whole = Math.ceil(plan.durationMs / 1000);
      const when = second < 0 ? `warm-up ${-second} s` : second < whole ? `${second + 1} of ${whole} s` : `last answers, ${second + 1 - whole} s`;
      write(`${when} | ${due}/s due, ${answered}/s answered, ${waiting} waiting | p50 ${latencyText(p50)} ms, p99 ${latencyText(p99)} ms | ${failed} failed`);
    },
    end: () => write(''),
  };
}

/** Before the run: an hour of load whose figures cannot be kept would be for nothing. */
function requireWritable(file: string | undefined): void {
  if (file === undefined) return;
  const isThere = existsSync(file);
  if (isThere && statSync(file).isDirectory()) throw new Fault('E_CONFIG', `${file} is a folder; a file is needed`);
  accessSync(isThere ? file : path.dirname(file), constants.W_OK);
}

function printLatencies(result: LoadResult): void {
  const { plan } = result;
  console.log(`${result.messagesPerSecond} messages/s, ${result.itemsPerSecond} items/s; ${result.answered} of ${result.due} messages answered`);
  const row = (what: string, { count, p50, p90, p99, p999, max }: LoadResult['latency']): string[] => [what, String(count), ...[p50, p90, p99, p999, max].map(latencyText)];
  const operations = result.operations.map((each) => row(each.operation, each.latency));
  printRows(
    ['latency in ms', 'messages', 'p50', 'p90', 'p99', 'p99.9', 'max'],
    [row(plan.rate > 0 ? 'from the due time' : 'from sending', result.latency), ...(operations.length > 1 ? operations.map(([name, ...cells]) => [`  ${name}`, ...cells]) : []), ...(plan.rate > 0 ? [row('from sending', result.service), row('due to sending', result.wait)] : [])],
  );
}

function printResult(result: LoadResult): void {
  const { plan } = result;
  const load = plan.rate > 0 ? `${plan.rate} messages/s (${plan.arrival})` : 'closed loop';
  console.log(`${result.server}, KMIP ${plan.version}: ${load}, ${plan.connections} connections, ${plan.pipeline} deep, ${plan.batch} items of ${plan.payloadBytes} bytes a message, ${result.measuredSeconds} s`);
  if (result.due === 0) console.log('nothing was measured: no message was due after the warm-up');
  else printLatencies(result);
  const failures = Object.entries(result.failures);
  if (failures.length > 0) printRows(['failures by Result Reason', 'items'], failures.map(([why, count]) => [why, String(count)]));
  else console.log('no failures');
  if (result.answered < result.due) console.log(`${result.due - result.answered} messages were due and have no answer: the latencies above leave them out, and so are too good`);
  if (result.dropped > 0) console.log(`${result.dropped} of them were never sent, as too many were waiting`);
  if (result.lostConnections > 0) console.log(`${result.lostConnections} connections were lost`);
  console.log(`${result.checks.checked} answers checked, ${result.checks.wrong} wrong${result.checks.firstWrong === undefined ? '' : `: ${result.checks.firstWrong}`}`);
  if (result.left > 0) console.log(`${result.left} objects of the run could not be destroyed`);
}

async function load(options: LoadFlags): Promise<void> {
  const { version, ...connection } = clientOptions(options);
  if (options.rate === 0 && options.closed !== true) throw new Fault('E_CONFIG', '--rate is 0; allowed is 1 and above, and --closed in place of a rate');
  requireWritable(options.json);
  requireWritable(options.html);
  const plan: LoadPlan = {
    version, mix: options.mix, rate: options.closed === true ? 0 : options.rate, arrival: options.arrival, connections: options.connections, pipeline: options.pipeline,
    batch: options.batch, payloadBytes: options.payload, keys: options.keys, mode: options.mode, warmupMs: options.warmup, durationMs: options.duration,
    messages: options.messages, threads: options.threads, timeoutMs: options.timeout, checkEvery: options.check, seed: options.seed, spin: options.spin,
  };
  try {
    checkPlan(plan);
  } catch (error) {
    throw error instanceof LoadError ? new Fault('E_CONFIG', error.message) : error;
  }
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const live = liveLine(plan);
  const result = await runLoad(plan, { ...connection, ...(options.ciphers !== undefined && { ciphers: options.ciphers }) }, { onProgress: live.show, signal: interrupted.signal }).finally(() => {
    live.end();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  });
  printResult(result);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
  if (options.html !== undefined) writeFileSync(options.html, loadPage(result));
  if (result.answered === 0 || result.checks.wrong > 0) process.exitCode = exitFailed;
}

export function loadCommand(): Command {
  const seconds = (ms: number): string => `${ms / 1000}s`;
  return withKmipOptions(new Command('load').description('put a KMIP server under load and measure it'))
    .option('--cert <FILE>', 'client certificate, where it is not DIR/cert.pem')
    .option('--key <FILE>', 'its private key, where it is not DIR/key.pem')
    .option('--ca <FILE>', "authority of the server's certificate, where it is not DIR/ca.pem")
    .option('--ciphers <LIST>', 'cipher suites of TLS 1.2 in OpenSSL form, for servers that know only old ones')
    .option('--rate <N>', 'messages due a second, whether or not the server keeps up', number, defaultPlan.rate)
    .option('--closed', 'closed loop in place of a rate: each connection keeps as many messages on their way as --pipeline says')
    .addOption(new Option('--arrival <KIND>', 'gaps between due times').choices(['poisson', 'even']).default(defaultPlan.arrival))
    .option('--connections <N>', 'connections', number, defaultPlan.connections)
    .option('--pipeline <N>', 'messages on their way at once on a connection', number, defaultPlan.pipeline)
    .option('--batch <N>', 'items of a message', number, defaultPlan.batch)
    .option('--payload <BYTES>', 'data of an Encrypt or Decrypt', number, defaultPlan.payloadBytes)
    .addOption(new Option('--mix <LIST>', `operations with weights, as encrypt=80,decrypt=15,get=5; of ${Object.keys(loadOperations).join(', ')}`).argParser(mixture).default(defaultPlan.mix, 'encrypt'))
    .addOption(new Option('--mode <MODE>', 'cipher mode; nonces of gcm are the server\'s, other IVs the client\'s').choices(Object.keys(loadModes)).default(defaultPlan.mode))
    .option('--keys <N>', 'own AES-256 keys to spread the messages over', number, defaultPlan.keys)
    .addOption(new Option('--warmup <TIME>', 'load before the measured time').argParser(time).default(defaultPlan.warmupMs, seconds(defaultPlan.warmupMs)))
    .addOption(new Option('--duration <TIME>', 'measured time').argParser(time).default(defaultPlan.durationMs, seconds(defaultPlan.durationMs)))
    .option('--messages <N>', 'end after so many messages, warm-up included', number, defaultPlan.messages)
    .option('--threads <N>', 'threads that make the load', number, defaultPlan.threads)
    .addOption(new Option('--timeout <TIME>', 'longest wait for an answer').argParser(time).default(defaultPlan.timeoutMs, seconds(defaultPlan.timeoutMs)))
    .option('--check <N>', 'check one answer in N (an Encrypt by decrypting it); 0 checks none', number, defaultPlan.checkEvery)
    .option('--seed <N>', 'the same seed sends the same messages at the same times', number, defaultPlan.seed)
    .option('--no-spin', 'sleep until messages are due: spares a processor, and latencies have up to 1 ms of sleep in them')
    .option('--json <FILE>', 'write everything measured')
    .option('--html <FILE>', 'write a page with plots')
    .addHelpText('after', `
With a rate the load is open-loop: latency counts from the moment a message was due, also when it had to wait for the
server (no coordinated omission). The run makes its own keys and destroys them, and what it created, in the end.
Ctrl-C ends it early, in order.`)
    .action(load);
}
