/**
 * Options: what wins over what, and that nothing misspelt passes silently.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { flagOf, loadConfig, optionNames, optionTable, variableOf, unknownVariables } from '../../src/config.ts';
import { limitNames, limitTable, limitsWith } from '../../src/server/limits.ts';

const folder = mkdtempSync(join(tmpdir(), 'kmipd-config-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileOf(content: unknown): string {
  files += 1;
  const path = join(folder, `config-${files}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('the defaults are those of the outer contract', () => {
  const config = loadConfig({}, {});
  assert.equal(config.data, join(process.cwd(), 'kmipd-data'));
  assert.equal(config.host, undefined);
  assert.equal(config.port, 5696);
  assert.equal(config.adminHost, '127.0.0.1');
  assert.equal(config.adminPort, 5697);
  assert.ok(config.workers >= 1);
  assert.equal(config.crypto, 'auto');
  assert.equal(config.cryptoCrossover, undefined);
  assert.equal(config.limits.messageBytes, 2 * 1024 * 1024);
});

test('a flag wins over the environment, the environment over the file, the file over the default', () => {
  const config = fileOf({ port: 1001, adminPort: 2001, workers: 3, serverName: ['a.example', '10.0.0.1'] });
  const environment = { KMIPD_PORT: '1002', KMIPD_ADMIN_PORT: '2002', KMIPD_CONFIG: config };
  const loaded = loadConfig({ port: '1003' }, environment);
  assert.equal(loaded.port, 1003);
  assert.equal(loaded.adminPort, 2002);
  assert.equal(loaded.workers, 3);
  assert.deepEqual(loaded.serverNames, ['a.example', '10.0.0.1']);
  assert.equal(loadConfig({ config: fileOf({ workers: 5 }) }, environment).workers, 5);
  assert.deepEqual(loadConfig({}, { KMIPD_SERVER_NAME: 'x, y' }).serverNames, ['x', 'y']);
});

test('names have one form each in flags and environment', () => {
  assert.equal(flagOf('adminPort'), '--admin-port');
  assert.equal(variableOf('adminPort'), 'KMIPD_ADMIN_PORT');
  for (const name of optionNames) assert.ok(optionTable[name].help.length > 10, name);
});

const refused: readonly [string, () => unknown, RegExp][] = [
  ['a port that is no number', () => loadConfig({ port: 'abc' }, {}), /--port is "abc"; allowed is a whole number from 0 to 65535/],
  ['a port out of range', () => loadConfig({}, { KMIPD_PORT: '65536' }), /KMIPD_PORT is "65536"/],
  ['no workers', () => loadConfig({ workers: '0' }, {}), /--workers is "0"; .* from 1 to 256/],
  ['an unknown choice', () => loadConfig({ logLevel: 'loud' }, {}), /--log-level is "loud"; allowed are fatal, /],
  ['a misspelt option in the file', () => loadConfig({ config: fileOf({ prot: 1 }) }, {}), /unknown option "prot"; there are data, /],
  ['a file that is no JSON', () => loadConfig({ config: fileOf('{') }, {}), /is not JSON/],
  ['a file that holds a list', () => loadConfig({ config: fileOf([]) }, {}), /one JSON object/],
  ['a file that is not there', () => loadConfig({ config: join(folder, 'nowhere') }, {}), /cannot be read/],
  ['an option of the wrong type in the file', () => loadConfig({ config: fileOf({ host: true }) }, {}), /host in .* has to be a text/],
  ['a cluster without NATS', () => loadConfig({ cluster: 'c' }, {}), /--cluster needs --nats/],
  ['a cluster without a name for the node', () => loadConfig({ cluster: 'c', nats: ['nats://x:4222'] }, {}), /--cluster needs --node/],
  ['NATS without a cluster', () => loadConfig({}, { KMIPD_NATS: 'nats://x' }), /--nats is for nodes of a cluster/],
  ['two ways to log in to NATS', () => loadConfig({ cluster: 'c', nats: ['nats://x:4222'], node: 'n', natsUser: 'u', natsSeed: 's' }, {}), /Only one of --nats-user/],
  ['a certificate for NATS without its key', () => loadConfig({ cluster: 'c', nats: ['nats://x:4222'], node: 'n', natsCert: 'c.pem' }, {}), /belong together/],
  ['an unknown limit', () => loadConfig({ limit: ['message=1'] }, {}), /limit "message" is not known; there are messageBytes, /],
  ['a limit without a number', () => loadConfig({ limit: ['messageBytes'] }, {}), /not of the form NAME=NUMBER/],
  ['a limit that is too small', () => loadConfig({ limit: ['idleMs=1'] }, {}), /limit idleMs is 1; allowed is a whole number from 1000/],
  ['a cipher suite that nobody knows', () => loadConfig({ tlsCiphers: 'AES128-SHA256x' }, {}), /--tls-ciphers is "AES128-SHA256x".*no cipher match/],
  ['limits that contradict each other', () => loadConfig({ limit: ['messageBytes=9000000'] }, {}), /connectionInFlightBytes .* has to hold a message/],
];
for (const [what, load, message] of refused) {
  test(`${what} is refused with words that help`, () => assert.throws(load, { code: 'E_CONFIG', message }));
}

test('suites in OpenSSL form are taken', () => {
  assert.equal(loadConfig({ tlsCiphers: 'ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA256' }, {}).tlsCiphers, 'ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA256');
});

test('limits come from flags, environment and file alike', () => {
  assert.equal(loadConfig({ limit: ['idleMs=2000', 'connections=5'] }, {}).limits.connections, 5);
  assert.equal(loadConfig({}, { KMIPD_LIMIT: 'idleMs=2000,connections=6' }).limits.connections, 6);
  assert.equal(loadConfig({ config: fileOf({ limit: { connections: 7 } }) }, {}).limits.connections, 7);
});

test('every limit has a default that it allows, a unit in its name, and a reason', () => {
  for (const name of limitNames) {
    const rule = limitTable[name];
    assert.ok(rule.byDefault >= rule.least, name);
    assert.ok(rule.reason.length > 20, name);
    if (rule.unit === 'bytes') assert.match(name, /Bytes$/);
    if (rule.unit === 'milliseconds') assert.match(name, /Ms$/);
  }
  assert.throws(() => limitsWith({ constructor: 1 }), /not known/);
});

test('variables that begin like ours and mean nothing are told of', () => {
  assert.deepEqual(unknownVariables({ KMIPD_WORKER: '3', KMIPD_WORKERS: '3', KMIPD_ROOT_KEY: 'x', KMIPD_SERVICE_HOST: 'h', PATH: '' }), ['KMIPD_WORKER', 'KMIPD_SERVICE_HOST']);
});
