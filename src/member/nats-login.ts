/**
 * From the node's options to those of the NATS adapters: files read, the password taken out of the environment.
 */
import { readFileSync } from 'node:fs';
import type { NatsLogin, NatsOptions, NatsTls } from '../../cluster/nats/options.ts';
import type { ClusterConfig } from '../config.ts';
import { Fault } from '../fault.ts';

export function natsOptions(config: ClusterConfig, environment: Record<string, string | undefined>): Omit<NatsOptions, 'key' | 'tenureRecordMs'> {
  const { name, node, servers, replicas } = config;
  const login = loginOf(config, environment);
  const tls = tlsOf(config);
  return { servers, cluster: name, node, replicas, ...(login !== undefined && { login }), ...(tls !== undefined && { tls }) };
}

function loginOf({ user, credentialsFile, seedFile }: ClusterConfig, environment: Record<string, string | undefined>): NatsLogin | undefined {
  const { KMIPD_NATS_PASSWORD: password } = environment;
  // Threads inherit a copy of the environment.
  delete environment['KMIPD_NATS_PASSWORD'];
  if (user !== undefined) {
    if (password === undefined) throw new Fault('E_CONFIG', '--nats-user needs the password in KMIPD_NATS_PASSWORD.');
    return { kind: 'password', user, password };
  }
  if (password !== undefined) throw new Fault('E_CONFIG', 'KMIPD_NATS_PASSWORD is set, but --nats-user does not say whose password it is.');
  if (credentialsFile !== undefined) return { kind: 'credentials', file: credentialsFile };
  return seedFile === undefined ? undefined : { kind: 'nkey', seedFile };
}

function tlsOf({ authoritiesFile, certificateFile, keyFile }: ClusterConfig): NatsTls | undefined {
  if (authoritiesFile === undefined && certificateFile === undefined) return undefined;
  return {
    ...(authoritiesFile !== undefined && { authorities: textOf(authoritiesFile) }),
    ...(certificateFile !== undefined && { certificate: textOf(certificateFile) }),
    ...(keyFile !== undefined && { key: textOf(keyFile) }),
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Fault('E_CONFIG', `${file} cannot be read.`, { cause });
  }
}
