/**
 * Plays OASIS cases from the command line, to see what a server answers.
 *
 *     node test/conformance/run.ts --case SKLC-M-1-14           one case, each message printed, against a server of its own
 *     node test/conformance/run.ts --case 'CS-BC-.*'            all that match, differences only
 *     node test/conformance/run.ts                              every case of this stage, and the closing table
 *     node test/conformance/run.ts --list                       what runs, and what the others need
 *     … --later        also plays cases that need later work        --verbose / --quiet   more or less text
 *     … --port P --admin-port A --data DIR [--host H]               a running kmipd: a fresh scope for each case
 *     … --port P --cert FILE --key FILE --ca FILE [--host H]        any server, one client (leftovers of others can disturb)
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { adminCaller, requestCredential, startServer } from '../harness/server.ts';
import { requireShared } from '../harness/shared-data.ts';
import { readChains } from './catalogue.ts';
import type { Chain } from './catalogue.ts';
import { LiveTransport, caseRole } from './live.ts';
import type { CredentialSource } from './live.ts';
import { failureText, playChain } from './play.ts';
import type { CaseResult } from './play.ts';
import { summary } from './report.ts';

const { values: options } = parseArgs({
  options: {
    case: { type: 'string' }, list: { type: 'boolean' }, later: { type: 'boolean' }, verbose: { type: 'boolean' }, quiet: { type: 'boolean' },
    host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string' }, 'admin-port': { type: 'string' }, data: { type: 'string' },
    cert: { type: 'string' }, key: { type: 'string' }, ca: { type: 'string' },
  },
});

interface Target {
  readonly port: number;
  readonly host: string;
  readonly credentials: CredentialSource;
  stop(): Promise<unknown>;
}

async function openTarget(): Promise<Target> {
  const { host } = options;
  const stop = (): Promise<void> => Promise.resolve();
  if (options.port === undefined) {
    const server = await startServer();
    return { port: server.port, host, credentials: (scope) => server.generateCredential(caseRole(scope)), stop: () => server.stop() };
  }
  const port = Number(options.port);
  if (options['admin-port'] !== undefined) {
    const token = readFileSync(join(options.data ?? 'kmipd-data', 'bootstrap/admin-token'), 'utf8').trim();
    const admin = adminCaller(Number(options['admin-port']), token);
    return { port, host, credentials: (scope) => requestCredential(admin, caseRole(scope)), stop };
  }
  if (options.cert === undefined || options.key === undefined || options.ca === undefined) throw new Error('with --port give --admin-port and --data, or --cert, --key and --ca');
  const credential = { cert: readFileSync(options.cert, 'utf8'), key: readFileSync(options.key, 'utf8'), ca: readFileSync(options.ca, 'utf8') };
  return { port, host, credentials: () => Promise.resolve(credential), stop };
}

function chosen(chains: readonly Chain[]): Chain[] {
  const pattern = options.case === undefined ? undefined : new RegExp(`^(?:${options.case})$`);
  const named = chains.filter(({ cases }) => pattern === undefined || cases.some(({ name }) => pattern.test(name)));
  return named.filter(({ needs }) => needs.length === 0 || options.later === true || named.length === 1);
}

async function main(): Promise<void> {
  const shared = requireShared('conformance/kmip-1.0');
  if (shared.folder === undefined) throw new Error(shared.skip);
  const chains = readChains(shared.folder);
  if (options.list === true) {
    for (const { cases, needs } of chains) console.log(`${cases.map(({ name }) => name).join(' + ')}${needs.length === 0 ? '' : `  later: ${needs.join(', ')}`}`);
    console.log(`\n${summary(chains, [])}`);
    return;
  }
  const played = chosen(chains);
  if (played.length === 0) throw new Error(`no case of this stage matches ${options.case} (--later plays the others too, --list shows all)`);
  const verbose = options.quiet !== true && (options.verbose === true || played.length === 1);
  const target = await openTarget();
  const results: CaseResult[] = [];
  try {
    for (const chain of played) {
      const transport = new LiveTransport(target, chain.cases.at(-1)!.name, target.credentials);
      const outcome = await playChain(chain, transport, verbose ? (line) => console.log(`${line}\n`) : undefined);
      await transport.close();
      results.push(...outcome);
      for (const result of outcome) if (verbose || result.failure !== undefined) console.log(failureText(result));
    }
  } finally {
    await target.stop();
  }
  console.log(`\n${options.case === undefined ? summary(chains, results) : `${results.filter(({ failure }) => failure === undefined).length} of ${results.length} passed`}`);
  if (results.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

await main();
