/**
 * The options of `kmipd serve`, each declared once as data: the command line, the environment, the configuration file
 * and the help text derive from this table (DESIGN §12).
 *
 * Invariant: a flag wins over the environment, the environment over the file, the file over the default. A misspelt
 * option is never silently without effect: what is not in the table is an error on the command line and in the file, and told
 * of where it comes from the environment, which is not ours alone (Kubernetes sets names there by itself).
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { Fault } from './fault.ts';
import { logLevels } from './log.ts';
import type { LogLevel } from './log.ts';
import { limitsWith } from './server/limits.ts';
import type { Limits } from './server/limits.ts';

export interface Option {
  readonly kind: 'text' | 'integer' | 'choice' | 'list';
  /** What stands for the value in the help text. */
  readonly placeholder: string;
  readonly help: string;
  readonly byDefault?: string;
  readonly choices?: readonly string[];
  readonly least?: number;
  readonly most?: number;
}

/** `name` in the configuration file; `--kebab-case` on the command line; `KMIPD_UPPER_CASE` in the environment. */
export const optionTable = {
  data: { kind: 'text', placeholder: 'DIR', byDefault: './kmipd-data', help: 'data folder' },
  host: { kind: 'text', placeholder: 'H', help: 'address that KMIP listens on (default: all addresses)' },
  port: { kind: 'integer', placeholder: 'N', byDefault: '5696', least: 0, most: 65535, help: 'port of KMIP over TLS; 0 takes a free one' },
  adminHost: { kind: 'text', placeholder: 'H', byDefault: '127.0.0.1', help: 'address of the admin HTTP server' },
  adminPort: { kind: 'integer', placeholder: 'N', byDefault: '5697', least: 0, most: 65535, help: 'port of the admin HTTP server; 0 takes a free one' },
  workers: { kind: 'integer', placeholder: 'N', least: 1, most: 256, help: 'worker threads (default: one for each processor)' },
  crypto: { kind: 'choice', placeholder: 'WHERE', byDefault: 'auto', choices: ['auto', 'wasm'], help: 'where AES runs: auto gives long one-shot data to node:crypto, wasm keeps all in the core' },
  cryptoCrossover: { kind: 'integer', placeholder: 'BYTES', least: 0, most: 999_999_999, help: 'length of data from which auto takes node:crypto (default: measured for each mode at the start)' },
  serverName: { kind: 'list', placeholder: 'NAME', help: "name or address in the server's certificate, repeatable (default: localhost, the host name, 127.0.0.1, ::1)" },
  tlsCiphers: { kind: 'text', placeholder: 'LIST', help: 'cipher suites in OpenSSL form (default: those with forward secrecy)' },
  logLevel: { kind: 'choice', placeholder: 'LEVEL', byDefault: 'info', choices: logLevels, help: 'least level of log lines on standard error' },
  limit: { kind: 'list', placeholder: 'NAME=NUMBER', help: 'sets one of the limits below, repeatable' },
  cluster: { kind: 'text', placeholder: 'NAME', help: 'name of the cluster that this node belongs to; all its nodes have the same root key' },
  nats: { kind: 'list', placeholder: 'URL,URL', help: 'NATS servers of the cluster, nats://host:port or tls://host:port' },
  node: { kind: 'text', placeholder: 'ID', help: 'name of this node in the cluster, its own for ever' },
  consistency: { kind: 'choice', placeholder: 'HOW', byDefault: 'linearizable', choices: ['linearizable', 'available'], help: 'available: a node out of touch with its cluster goes on to encrypt and decrypt with what it last knew, revoked keys included' },
  failover: { kind: 'choice', placeholder: 'HOW', byDefault: 'fast', choices: ['fast', 'steady'], help: 'fast: changes are back 2 s after the primary died; steady: reads go on while NATS elects, changes are back after 7 s' },
  restore: { kind: 'text', placeholder: 'FILE', help: 'backup that a new, empty cluster begins with; on one node at least' },
  natsReplicas: { kind: 'integer', placeholder: 'N', least: 1, most: 5, help: 'copies that NATS keeps: 1, 3 or 5 (default: 3 with three servers or more, else 1)' },
  natsUser: { kind: 'text', placeholder: 'USER', help: 'user at NATS; the password comes by KMIPD_NATS_PASSWORD' },
  natsCredentials: { kind: 'text', placeholder: 'FILE', help: 'credentials file for NATS (JWT and seed)' },
  natsSeed: { kind: 'text', placeholder: 'FILE', help: 'file with the NKey seed for NATS' },
  natsCa: { kind: 'text', placeholder: 'FILE', help: "PEM file with the authorities of the NATS servers' certificates; makes the connection TLS" },
  natsCert: { kind: 'text', placeholder: 'FILE', help: 'PEM file with the certificate that this node shows to NATS' },
  natsKey: { kind: 'text', placeholder: 'FILE', help: 'PEM file with its private key' },
} as const satisfies Readonly<Record<string, Option>>;

export type OptionName = keyof typeof optionTable;
export const optionNames = Object.keys(optionTable) as readonly OptionName[];

export interface Config {
  readonly data: string;
  readonly host: string | undefined;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly workers: number;
  readonly crypto: 'auto' | 'wasm';
  /** Undefined: measured at the start. */
  readonly cryptoCrossover: number | undefined;
  /** Empty: the defaults of the certificate authority. */
  readonly serverNames: readonly string[];
  readonly tlsCiphers: string | undefined;
  readonly logLevel: LogLevel;
  readonly limits: Limits;
  /** Absent: a single node. */
  readonly cluster?: ClusterConfig;
}

/** Of a node that belongs to a cluster. Passwords are not here: they come by the environment. */
export interface ClusterConfig {
  readonly name: string;
  readonly node: string;
  readonly servers: readonly string[];
  readonly replicas: number;
  readonly consistency: 'linearizable' | 'available';
  readonly failover: 'fast' | 'steady';
  readonly user?: string;
  readonly credentialsFile?: string;
  readonly seedFile?: string;
  /** The backup that the cluster begins with. */
  readonly restoreFile?: string;
  readonly authoritiesFile?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
}

type Given = Readonly<Record<string, unknown>>;

export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function variableOf(name: string): string {
  return `KMIPD_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Variables that are no option of `serve`: of the commands, of the root key, and for tests and comparisons. */
const otherVariables: ReadonlySet<string> = new Set([
  'KMIPD_CONFIG', 'KMIPD_NATS_PASSWORD', 'KMIPD_ROOT_KEY', 'KMIPD_ROOT_PASSPHRASE', 'KMIPD_SERVER', 'KMIPD_CREDENTIAL', 'KMIPD_ADMIN_TOKEN_FILE', 'KMIPD_CORE', 'KMIPD_FAST_PATH', 'KMIPD_FROM_SOURCE', 'KMIPD_SHARED',
]);

/** Names in the environment that look like ours and mean nothing. */
export function unknownVariables(environment: Readonly<Record<string, string | undefined>> = process.env): readonly string[] {
  const known = new Set(optionNames.map(variableOf));
  return Object.keys(environment).filter((name) => name.startsWith('KMIPD_') && !known.has(name) && !otherVariables.has(name));
}

function wrong(what: string): Fault {
  return new Fault('E_CONFIG', what);
}

/** The file's options, each still of the type that JSON gave it. */
function readConfigFile(path: string): Given {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Fault('E_CONFIG', `Configuration file ${path} cannot be read.`, { cause: error });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Fault('E_CONFIG', `Configuration file ${path} is not JSON: ${(error as Error).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw wrong(`Configuration file ${path} has to hold one JSON object.`);
  for (const key of Object.keys(parsed)) {
    if (!Object.hasOwn(optionTable, key)) throw wrong(`Configuration file ${path} has the unknown option ${JSON.stringify(key)}; there are ${optionNames.join(', ')}.`);
  }
  return parsed as Given;
}

/** A list may come as an array, as text with commas, and for limits as a JSON object. */
function listOf(value: unknown, where: string): string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  if (typeof value === 'string') return value.split(',').map((each) => each.trim()).filter((each) => each !== '');
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value).map(([name, each]) => `${name}=${String(each)}`);
  throw wrong(`${where} has to be a list of texts.`);
}

function textOf(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number') return String(value);
  throw wrong(`${where} has to be a text that is not empty.`);
}

function checked(name: OptionName, value: unknown, where: string): string | number | string[] {
  const option: Option = optionTable[name];
  if (option.kind === 'list') return listOf(value, where);
  const text = textOf(value, where);
  if (option.kind === 'choice' && !option.choices!.includes(text)) throw wrong(`${where} is ${JSON.stringify(text)}; allowed are ${option.choices!.join(', ')}.`);
  if (option.kind !== 'integer') return text;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= option.least! && number <= option.most!)) throw wrong(`${where} is ${JSON.stringify(text)}; allowed is a whole number from ${option.least} to ${option.most}.`);
  return number;
}

function limitsOf(pairs: readonly string[]): Limits {
  const given: Record<string, number> = {};
  for (const pair of pairs) {
    const match = /^([A-Za-z]+)=(\d{1,15})$/.exec(pair);
    if (match === null) throw wrong(`Limit ${JSON.stringify(pair)} is not of the form NAME=NUMBER.`);
    given[match[1]!] = Number(match[2]);
  }
  try {
    return limitsWith(given);
  } catch (error) {
    throw wrong(`${(error as Error).message}.`);
  }
}

/**
 * Puts flags, environment and file together. `flags` holds what the command line gave, by option name, and `config`
 * for the file. Throws a Fault `E_CONFIG` that names the option, what was given and what is allowed.
 */
export function loadConfig(flags: Given, environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const file = (flags['config'] as string | undefined) ?? (environment['KMIPD_CONFIG'] || undefined);
  const fromFile = file === undefined ? {} : readConfigFile(file);
  const values: Values = {};
  for (const name of optionNames) {
    const option: Option = optionTable[name];
    const variable = variableOf(name);
    const found: [unknown, string] | undefined =
      flags[name] !== undefined ? [flags[name], flagOf(name)]
      : environment[variable] !== undefined && environment[variable] !== '' ? [environment[variable], variable]
      : fromFile[name] !== undefined ? [fromFile[name], `${name} in ${file}`]
      : option.byDefault !== undefined ? [option.byDefault, flagOf(name)]
      : undefined;
    if (found === undefined) continue;
    values[name] = checked(name, found[0], found[1]);
  }
  return {
    data: resolve(values.data as string),
    host: values.host as string | undefined,
    port: values.port as number,
    adminHost: values.adminHost as string,
    adminPort: values.adminPort as number,
    workers: (values.workers as number | undefined) ?? Math.max(1, availableParallelism()),
    crypto: values.crypto as 'auto' | 'wasm',
    cryptoCrossover: values.cryptoCrossover as number | undefined,
    serverNames: (values.serverName as string[] | undefined) ?? [],
    tlsCiphers: ciphersOf(values.tlsCiphers as string | undefined),
    logLevel: values.logLevel as LogLevel,
    limits: limitsOf((values.limit as string[] | undefined) ?? []),
    ...clusterOf(values),
  };
}

/** OpenSSL is asked here, or each worker would find out by itself. */
function ciphersOf(list: string | undefined): string | undefined {
  try {
    if (list !== undefined) createSecureContext({ ciphers: list });
  } catch (error) {
    throw wrong(`--tls-ciphers is ${JSON.stringify(list)}, which OpenSSL refuses: ${(error as Error & { readonly reason?: string }).reason ?? (error as Error).message}.`);
  }
  return list;
}

type Values = Partial<Record<OptionName, string | number | string[]>>;

/** Name, servers and node belong together; which copies and logins are possible is checked where NATS is opened. */
function clusterOf(values: Values): { readonly cluster?: ClusterConfig } {
  const { cluster, nats, node, natsUser, natsCredentials, natsSeed, natsCa, natsCert, natsKey, restore } = values as Values & Readonly<Record<OptionName, string | undefined>>;
  const servers = values.nats as readonly string[] | undefined;
  if (cluster === undefined) {
    if (restore !== undefined) throw wrong('--restore is for a new cluster: --cluster NAME is missing. A single node is restored by kmipd restore.');
    const stray = (['nats', 'node', 'natsReplicas', 'natsUser', 'natsCredentials', 'natsSeed', 'natsCa', 'natsCert', 'natsKey'] as const).find((name) => values[name] !== undefined);
    if (stray !== undefined) throw wrong(`${flagOf(stray)} is for nodes of a cluster: --cluster NAME is missing.`);
    return {};
  }
  if (nats === undefined || servers === undefined || servers.length === 0) throw wrong('--cluster needs --nats with the NATS servers.');
  if (node === undefined) throw wrong("--cluster needs --node with this node's name.");
  if ([natsUser, natsCredentials, natsSeed].filter((each) => each !== undefined).length > 1) throw wrong('Only one of --nats-user, --nats-credentials and --nats-seed can say who this node is to NATS.');
  if ((natsCert === undefined) !== (natsKey === undefined)) throw wrong('--nats-cert and --nats-key belong together.');
  return {
    cluster: {
      name: cluster, node, servers,
      replicas: (values.natsReplicas as number | undefined) ?? (servers.length >= 3 ? 3 : 1),
      consistency: values.consistency as ClusterConfig['consistency'],
      failover: values.failover as ClusterConfig['failover'],
      ...(natsUser !== undefined && { user: natsUser }),
      ...(natsCredentials !== undefined && { credentialsFile: resolve(natsCredentials) }),
      ...(restore !== undefined && { restoreFile: resolve(restore) }),
      ...(natsSeed !== undefined && { seedFile: resolve(natsSeed) }),
      ...(natsCa !== undefined && { authoritiesFile: resolve(natsCa) }),
      ...(natsCert !== undefined && { certificateFile: resolve(natsCert) }),
      ...(natsKey !== undefined && { keyFile: resolve(natsKey) }),
    },
  };
}
