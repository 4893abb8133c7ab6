/**
 * `kmipd serve`: runs a node until it is told to stop. Its options derive from the table in `config.ts`.
 */
import { Command, Option as CommandOption } from 'commander';
import { flagOf, loadConfig, optionNames, optionTable, variableOf } from '../config.ts';
import type { Option } from '../config.ts';
import { limitNames, limitTable } from '../server/limits.ts';

function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), ...value.split(',').map((each) => each.trim()).filter((each) => each !== '')];
}

export function serveCommand(): Command {
  const command = new Command('serve').description('run the key management server');
  for (const name of optionNames) {
    const option: Option = optionTable[name];
    const shown = option.byDefault === undefined ? '' : `, default ${option.byDefault}`;
    const flag = new CommandOption(`${flagOf(name)} <${option.placeholder}>`, `${option.help} (${variableOf(name)}${shown})`);
    if (option.kind === 'list') flag.argParser(collect);
    command.addOption(flag);
  }
  command.addOption(new CommandOption('--config <FILE>', 'JSON file with options by name, as in {"adminPort": 5697} (KMIPD_CONFIG)'));
  command.addHelpText('after', `\nLimits:\n${limitNames.map((name) => `  ${name}=${limitTable[name].byDefault}\n      ${limitTable[name].reason}`).join('\n')}`);
  command.action(async (flags: Record<string, unknown>) => {
    const config = loadConfig(flags);
    const { runNode } = await import('../main.ts');
    await runNode(config);
  });
  return command;
}
