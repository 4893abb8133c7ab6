/**
 * `kmipd credential generate | list | revoke`: client certificates, by the admin port.
 */
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { adminRequest, withAdminOptions } from './admin-session.ts';
import type { AdminOptions } from './admin-session.ts';
import { printRows } from './output.ts';

interface GeneratedCredential {
  readonly certificate: string;
  readonly privateKey: string;
  readonly ca: string;
  readonly fingerprint: string;
}

interface ListedCredential {
  readonly fingerprint: string;
  readonly scope: string;
  readonly role: string;
  readonly subject: string;
  readonly notAfter: number;
  readonly revokedAt?: number | null;
}

const date = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');

export function credentialCommand(): Command {
  const command = new Command('credential').description('client certificates: who may talk to the server');
  withAdminOptions(command.command('generate').description('make a client certificate for a role of a scope'))
    .requiredOption('--scope <SCOPE>', 'scope whose objects the client will own and see')
    .requiredOption('--role <ROLE>', 'role in the scope: what the client may do')
    .requiredOption('--out <DIR>', 'folder for cert.pem, key.pem and ca.pem')
    .option('--create', 'make scope and role (with all operations) if they are not there')
    .action(async (options: AdminOptions & { scope: string; role: string; out: string; create?: boolean }) => {
      // Before the credential is made: one whose key could not be written would be good for nobody, and yet valid.
      mkdirSync(options.out, { recursive: true, mode: 0o700 });
      accessSync(options.out, constants.W_OK);
      const made = (await adminRequest(options, 'POST', '/v1/credentials', { scope: options.scope, role: options.role, create: options.create ?? false })) as GeneratedCredential;
      const write = (name: string, text: string): void => {
        const file = path.join(options.out, name);
        // A file that is there may be another's to read: the mode counts for new ones only.
        rmSync(file, { force: true });
        writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
      };
      write('key.pem', made.privateKey);
      write('cert.pem', made.certificate);
      write('ca.pem', made.ca);
      console.log(`${options.out}: cert.pem, key.pem, ca.pem for role ${options.role} of scope ${options.scope}`);
      console.log(`fingerprint ${made.fingerprint}`);
    });
  withAdminOptions(command.command('list').description('list the credentials of a scope, or of all'))
    .option('--scope <SCOPE>')
    .action(async (options: AdminOptions & { scope?: string }) => {
      const query = options.scope === undefined ? '' : `?scope=${encodeURIComponent(options.scope)}`;
      const { credentials } = (await adminRequest(options, 'GET', `/v1/credentials${query}`)) as { credentials: ListedCredential[] };
      printRows(
        ['fingerprint', 'scope', 'role', 'subject', 'not after', 'revoked'],
        credentials.map((each) => [each.fingerprint, each.scope, each.role, each.subject, date(each.notAfter), typeof each.revokedAt === 'number' ? date(each.revokedAt) : '-']),
      );
    });
  withAdminOptions(command.command('revoke').argument('<fingerprint>').description('refuse a credential from now on, on live connections too'))
    .action(async (fingerprint: string, options: AdminOptions) => {
      await adminRequest(options, 'DELETE', `/v1/credentials/${encodeURIComponent(fingerprint)}`);
      console.log(`revoked ${fingerprint}`);
    });
  return command;
}
