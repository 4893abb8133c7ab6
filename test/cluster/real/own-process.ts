/**
 * A process that the harness started: its signals, its log file, its end.
 *
 * Invariant: each is stopped by its own process id, whatever ends the harness: an exit, a failure, Ctrl-C; also one that is
 * paused. It reads no input and writes to a file, so that a paused or dead harness never holds it up.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
// Its import also makes SIGTERM, SIGINT and SIGHUP an exit, which the handler below needs.
import '../../harness/server.ts';

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class OwnProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #command: Command;
  #child: ChildProcess | undefined;
  /** When it was started last, by performance.now(). */
  startedAt = 0;
  paused = false;

  constructor(name: string, logFile: string, command: Command) {
    this.name = name;
    this.logFile = logFile;
    this.#command = command;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its exit code or the signal that ended it; undefined while it runs. */
  get ended(): string | undefined {
    return this.#child === undefined || this.running ? undefined : String(this.#child.exitCode ?? this.#child.signalCode);
  }

  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  start(): void {
    if (this.running) throw new Error(`${this.name} runs already`);
    mkdirSync(path.dirname(this.logFile), { recursive: true });
    const log = openSync(this.logFile, 'a');
    const { program, args, env } = this.#command;
    const child = spawn(program, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    child.once('error', () => alive.delete(child));
    child.once('exit', () => alive.delete(child));
    alive.add(child);
    this.#child = child;
    this.startedAt = performance.now();
    this.paused = false;
  }

  pause(): void {
    this.paused = this.#child?.kill('SIGSTOP') ?? false;
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
    this.paused = false;
  }

  /** kill -9, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM, then SIGKILL when it takes too long; gives the exit code, or the signal it died of. */
  async stop(limitMs = 20_000): Promise<string> {
    if (this.paused) this.resume();
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), limitMs);
    await this.#end('SIGTERM');
    clearTimeout(timer);
    return this.ended ?? 'never started';
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.running) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    this.paused = false;
  }

  /** Seconds of processor time, of the process and its threads, in user and system mode (Linux). */
  processorSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }
}
