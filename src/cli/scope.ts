/**
 * `kmipd scope create | list` and `kmipd role create | list`, by the admin port.
 */
import { Command } from 'commander';
import { adminRequest, withAdminOptions } from './admin-session.ts';
import type { AdminOptions } from './admin-session.ts';
import { printRows } from './output.ts';

export function scopeCommand(): Command {
  const command = new Command('scope').description('tenants: each owns its objects and sees no other');
  withAdminOptions(command.command('create').argument('<scope>').description('make a scope')).action(async (scope: string, options: AdminOptions) => {
    await adminRequest(options, 'POST', '/v1/scopes', { scope });
    console.log(`made scope ${scope}`);
  });
  withAdminOptions(command.command('list').description('list scopes')).action(async (options: AdminOptions) => {
    const { scopes } = (await adminRequest(options, 'GET', '/v1/scopes')) as { scopes: { scope: string }[] };
    printRows(['scope'], scopes.map((each) => [each.scope]));
  });
  return command;
}

export function roleCommand(): Command {
  const command = new Command('role').description('what the clients of a scope may do');
  withAdminOptions(command.command('create').argument('<scope>').argument('<role>').description('make a role'))
    .option('--permission <NAME...>', 'operation_encrypt, operation_get …, or operation_all', ['operation_all'])
    .action(async (scope: string, role: string, options: AdminOptions & { permission: string[] }) => {
      await adminRequest(options, 'POST', `/v1/scopes/${encodeURIComponent(scope)}/roles`, { role, permissions: options.permission });
      console.log(`made role ${role} of scope ${scope}: ${options.permission.join(', ')}`);
    });
  withAdminOptions(command.command('list').argument('<scope>').description('list the roles of a scope')).action(async (scope: string, options: AdminOptions) => {
    const { roles } = (await adminRequest(options, 'GET', `/v1/scopes/${encodeURIComponent(scope)}/roles`)) as { roles: { role: string; permissions: string[] }[] };
    printRows(['role', 'permissions'], roles.map((each) => [each.role, each.permissions.join(' ')]));
  });
  return command;
}
