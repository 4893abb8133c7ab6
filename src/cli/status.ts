/**
 * `kmipd status`, what a node says of itself and of its cluster, and `kmipd member remove`, by the admin port.
 */
import { Command } from 'commander';
import { adminRequest, withAdminOptions } from './admin-session.ts';
import type { AdminOptions } from './admin-session.ts';
import { printRows } from './output.ts';

export function statusCommand(): Command {
  return withAdminOptions(new Command('status').description('what a node says of itself and of its cluster'))
    .option('--json', 'print the answer as it came')
    .action(async ({ json = false, ...options }: AdminOptions & { json?: boolean }) => {
      const status = (await adminRequest(options, 'GET', '/v1/status')) as Record<string, unknown>;
      if (json) console.log(JSON.stringify(status));
      else printRows(['what', 'value'], rowsOf(status));
    });
}

export function memberCommand(): Command {
  const command = new Command('member').description('the nodes of a cluster');
  withAdminOptions(command.command('remove').argument('<node>').description('take a stopped node out of the cluster for good; ask the primary')).action(async (node: string, options: AdminOptions) => {
    await adminRequest(options, 'DELETE', `/v1/members/${encodeURIComponent(node)}`);
    console.log(`removed ${node}`);
  });
  return command;
}

/** Parts of parts get dotted names; lists stand in one cell. */
function rowsOf(part: object, prefix = ''): [string, string][] {
  return Object.entries(part).flatMap(([name, value]): [string, string][] => {
    if (Array.isArray(value)) return [[prefix + name, value.join(', ')]];
    if (typeof value === 'object' && value !== null) return rowsOf(value as object, `${prefix}${name}.`);
    return [[prefix + name, name === 'startedAt' ? new Date(Number(value) * 1000).toISOString() : String(value)]];
  });
}
