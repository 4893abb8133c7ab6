/**
 * Settings that belong to one server, or one node of a cluster: another that begins with the same state makes its own.
 */
import { isServerCertificate } from '../identity/server-certificate.ts';
import { streamKeySetting } from './single-keeper.ts';
import { ticketSecretSetting } from './ticket-secrets.ts';

/** How far a new cluster has come in taking over a backup (src/member/seed.ts). */
export const seedSetting = 'seed';

export function isServersOwn(setting: string): boolean {
  return setting === streamKeySetting || setting === ticketSecretSetting || setting === seedSetting || isServerCertificate(setting);
}
