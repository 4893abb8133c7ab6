/**
 * How commands talk KMIP: to any server, with the credential in a folder.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { KmipClient } from '../client/client.ts';
import type { ClientOptions } from '../client/client.ts';
import { Fault } from '../fault.ts';
import { supportedVersions, versionText } from '../kmip/version.ts';
import type { ProtocolVersion } from '../kmip/version.ts';

export interface KmipOptions {
  readonly server: string;
  readonly credential: string;
  readonly serverName?: string;
  readonly protocol: string;
  /** Files of the credential, where they are not in the folder by their names. */
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** Adds the options that say which server, as whom. */
export function withKmipOptions(command: Command): Command {
  const environment = process.env;
  return command
    .option('--server <HOST:PORT>', 'KMIP server (KMIPD_SERVER)', environment['KMIPD_SERVER'] ?? 'localhost:5696')
    .option('--credential <DIR>', 'folder with cert.pem, key.pem and ca.pem (KMIPD_CREDENTIAL)', environment['KMIPD_CREDENTIAL'] ?? path.join(environment['KMIPD_DATA'] ?? './kmipd-data', 'bootstrap'))
    .option('--server-name <NAME>', "name in the server's certificate, where it is not HOST")
    .option('--protocol <VERSION>', 'KMIP version of the requests', '2.1');
}

/** What the options say, read and checked: where the server is, and as whom to speak to it. */
export function clientOptions(options: KmipOptions): ClientOptions & { readonly version: ProtocolVersion } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(options.server);
  if (match === null) throw new Fault('E_CONFIG', `--server ${options.server}: expected HOST or HOST:PORT`);
  const version = supportedVersions.find((each) => versionText(each) === options.protocol);
  if (version === undefined) throw new Fault('E_CONFIG', `--protocol ${options.protocol}: expected one of ${supportedVersions.map(versionText).join(', ')}`);
  const read = (name: string, elsewhere: string | undefined): string => {
    const file = elsewhere ?? path.join(options.credential, name);
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new Fault('E_CREDENTIAL', `cannot read ${file}; name the folder of your credential with --credential`, { cause: error });
    }
  };
  return {
    host: match[1] ?? match[2]!,
    port: Number(match[3] ?? 5696),
    certificate: read('cert.pem', options.cert),
    privateKey: read('key.pem', options.key),
    authority: read('ca.pem', options.ca),
    ...(options.serverName !== undefined && { serverName: options.serverName }),
    version,
  };
}

export function openClient(options: KmipOptions): KmipClient {
  return new KmipClient(clientOptions(options));
}

/** Runs the work with a client and closes it, whatever happens. */
export async function withClient<T>(options: KmipOptions, work: (client: KmipClient) => Promise<T>): Promise<T> {
  const client = openClient(options);
  try {
    return await work(client);
  } finally {
    client.destroyConnection();
  }
}
