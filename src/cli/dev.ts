/**
 * `kmipd dev`: a node for other people's tests. Throw-away keys, a throw-away certificate authority, free ports; one line
 * of JSON on standard output says all that a test needs, and when its standard input ends (the test is over, or it died)
 * or a signal comes, the node stops and nothing of it is left.
 *
 * It is the same node as `kmipd serve` on a temporary folder, in memory (/dev/shm) where the system has that, else on
 * disk: what a test sees here is what it will see in production. Only kill -9 leaves the folder behind.
 */
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { loadConfig } from '../config.ts';
import { createLog, logLevels } from '../log.ts';
import { stopOnSignals } from '../server/shutdown.ts';

const memoryFolder = '/dev/shm';
const exitFailed = 1;

interface DevFlags {
  readonly port: string;
  readonly adminPort: string;
  readonly workers: string;
  readonly logLevel: string;
  /** False with --no-stdin. */
  readonly stdin: boolean;
}

function temporaryFolder(): string {
  try {
    accessSync(memoryFolder, constants.W_OK | constants.X_OK);
    return mkdtempSync(path.join(memoryFolder, 'kmipd-dev-'));
  } catch {
    return mkdtempSync(path.join(tmpdir(), 'kmipd-dev-'));
  }
}

async function runDev({ stdin, ...flags }: DevFlags): Promise<void> {
  // The environment is for real nodes: a root key or a data folder named there is none of ours.
  delete process.env['KMIPD_ROOT_KEY'];
  delete process.env['KMIPD_ROOT_PASSPHRASE'];
  const folder = temporaryFolder();
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const host = '127.0.0.1';
  const config = loadConfig({ ...flags, host, data: folder }, {});
  const log = createLog(config.logLevel);
  const fail = (error: unknown): never => {
    log.fatal({ error }, 'The node cannot go on and ends.');
    process.exit(exitFailed);
  };
  process.on('uncaughtException', fail);
  const { startNode } = await import('../main.ts');
  const starting = startNode(config, log, fail);
  stopOnSignals(async () => (await starting).stop(), config.limits.drainMs, log);
  const node = await starting;
  const credential = path.join(folder, 'bootstrap');
  const [cert, key, ca] = ['cert.pem', 'key.pem', 'ca.pem'].map((name) => path.join(credential, name));
  const adminToken = readFileSync(path.join(credential, 'admin-token'), 'utf8').trim();
  console.log(JSON.stringify({ host, port: node.port, cert, key, ca, credential, adminPort: node.adminPort, adminToken, pid: process.pid }));
  if (stdin) process.stdin.resume().once('end', () => process.kill(process.pid, 'SIGTERM'));
}

export function devCommand(): Command {
  return new Command('dev')
    .description('run a throw-away server for tests and print as one line of JSON how to reach it')
    .option('--port <N>', 'port of KMIP over TLS on 127.0.0.1; 0 takes a free one', '0')
    .option('--admin-port <N>', 'port of the admin HTTP server; 0 takes a free one', '0')
    .option('--workers <N>', 'worker threads', '1')
    .addOption(new Option('--log-level <LEVEL>', 'least level of log lines on standard error').choices(logLevels).default('warn'))
    .option('--no-stdin', 'run until a signal comes, whatever standard input does')
    .addHelpText('after', `
The line has host, port, adminPort, adminToken, pid, and the files of a client that may do everything: cert, key, ca
(in the folder "credential"). The server is a whole node with keys and certificates of its own on a temporary folder, in
${memoryFolder} where that is there, else on disk. It runs until standard input ends or a signal comes; then the folder is removed.`)
    .action(runDev);
}
