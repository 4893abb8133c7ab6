/**
 * The command `kmipd`: one file a command in this folder, put together here.
 *
 * Exit codes: 0 done, 1 the command failed (one line on standard error says why), 2 it was called wrongly.
 */
import { Command, CommanderError } from 'commander';
import { KmipFailure } from '../client/client.ts';
import { ConnectionLostError } from '../client/connection.ts';
import { LoadError } from '../client/load/plan.ts';
import { SealedFileError } from '../client/sealed-file.ts';
import { Fault } from '../fault.ts';
import { KmipError } from '../kmip/result.ts';
import { packageVersion } from '../package-version.ts';
import { adminTokenCommand } from './admin-token.ts';
import { backupCommand, restoreCommand } from './backup.ts';
import { decryptCommand, encryptCommand } from './cipher.ts';
import { credentialCommand } from './credential.ts';
import { devCommand } from './dev.ts';
import { dumpCommand } from './dump.ts';
import { keyCommand } from './key.ts';
import { loadCommand } from './load.ts';
import { roleCommand, scopeCommand } from './scope.ts';
import { serveCommand } from './serve.ts';
import { memberCommand, statusCommand } from './status.ts';

const exitFailed = 1;
const exitMisused = 2;

const commands = [serveCommand(), statusCommand(), credentialCommand(), scopeCommand(), roleCommand(), adminTokenCommand(), memberCommand(), backupCommand(), restoreCommand(), keyCommand(), encryptCommand(), decryptCommand(), dumpCommand(), loadCommand(), devCommand()];

/** Commander ends the process itself unless told otherwise, by each command. */
function overridingExits(command: Command): Command {
  command.commands.forEach(overridingExits);
  return command.exitOverride();
}

async function run(): Promise<void> {
  const program = new Command('kmipd').description('A key management server that speaks KMIP 1.0 to 2.1.').version(packageVersion()).exitOverride();
  for (const command of commands) program.addCommand(overridingExits(command));
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : exitMisused;
    } else if (error instanceof Fault) {
      const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
      process.stderr.write(`kmipd: ${error.message}${cause} [${error.code}]\n`);
      process.exitCode = error.code === 'E_CONFIG' ? exitMisused : exitFailed;
    } else if (error instanceof KmipFailure || error instanceof KmipError || error instanceof ConnectionLostError || error instanceof SealedFileError || error instanceof LoadError) {
      process.stderr.write(`kmipd: ${error.message}\n`);
      process.exitCode = exitFailed;
    } else if (error instanceof Error && 'syscall' in error) {
      // A file that is not there, a folder that may not be written: the caller's, not ours.
      process.stderr.write(`kmipd: ${error.message}\n`);
      process.exitCode = exitFailed;
    } else {
      process.stderr.write(`kmipd: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exitCode = exitFailed;
    }
  }
}

/** Who reads us may have seen enough (`| head`); an output that cannot be written is a failure that must show. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  process.stderr.write(`kmipd: standard output cannot be written: ${error.message}\n`);
  process.exit(exitFailed);
});

await run();
