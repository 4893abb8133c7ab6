/**
 * One process of the simulated cluster: the protocol's node on simulated ports, a clock that runs wrong, a disk that is slow, a
 * planner, and the read path. It can be paused at any instant (also between a step and what the step wants sent) and crash.
 */
import type { Logged } from '../../../cluster/entry.ts';
import type { ClusterNode } from '../../../cluster/node.ts';
import type { ClusterEvent, Ports } from '../../../cluster/ports.ts';
import type { ClusterLimits, Timing } from '../../../cluster/timing.ts';
import { applyToDisk, copyDisk, emptyDisk } from './disk.ts';
import type { DiskContent } from './disk.ts';
import { GrantLedger } from '../../../cluster/grants.ts';
import type { World } from './world.ts';
import { decide, fromBytes, toBytes } from './state-machine.ts';
import type { Command, CommandResult, SimObject } from './state-machine.ts';

interface HeldRead {
  readonly touched: number;
  readonly answer: () => void;
}

export class SimNode {
  readonly name: string;
  readonly #world: World;
  readonly #timing: Timing;
  readonly #limits: ClusterLimits;
  disk: DiskContent;
  #startsEmpty = true;
  cluster: ClusterNode | undefined;
  incarnation = '';
  #starts = 0;
  /** What waits for a paused process: events, timers, and what its last step wanted to do. */
  #stalled: (() => void)[] = [];
  pausedUntil = 0;
  /** Pause right after the clock is read next: between the decision and the deed. */
  pauseAtClock = 0;
  #rate = 1;
  #rateSince = 0;
  /** Suspended: the clock stands still, and the process is told when it goes on. */
  #suspended = false;
  /** How often it was suspended: a read from before is not asked about after. */
  #suspensions = 0;
  /** What a reader on another thread would look at. */
  #permitUntil = 0;
  #clockAtRate = 0;
  diskDelay: () => number = () => 2;
  #queue: { readonly logged: Logged; readonly counts: boolean }[] = [];
  #syncing = false;
  /** What is being synced. */
  #batch: readonly { readonly logged: Logged; readonly counts: boolean }[] = [];
  #planned = new Map<string, SimObject>();
  #unplans = 0;
  #captured: DiskContent | undefined;
  #held: HeldRead[] = [];
  readonly #waiting = new Map<string, (result: CommandResult | undefined) => void>();
  #proposals = 0;
  ledger = new GrantLedger();

  constructor(world: World, name: string, timing: Timing, limits: ClusterLimits) {
    this.#world = world;
    this.name = name;
    this.#timing = timing;
    this.#limits = limits;
    this.disk = emptyDisk(world.protocol);
    this.#clockAtRate = world.random.between(0, 1e6);
  }

  get up(): boolean {
    return this.cluster !== undefined;
  }

  get paused(): boolean {
    return this.pausedUntil > this.#world.scheduler.now;
  }

  get suspended(): boolean {
    return this.#suspended;
  }

  clock(): number {
    return this.#clockAtRate + (this.#suspended ? 0 : (this.#world.scheduler.now - this.#rateSince) * this.#rate);
  }

  setRate(rate: number): void {
    this.#clockAtRate = this.clock();
    this.#rateSince = this.#world.scheduler.now;
    this.#rate = rate;
  }

  /** The machine sleeps: its clock stands still, and what it then finds has happened without it. */
  suspend(milliseconds: number): void {
    this.setRate(this.#rate);
    this.#suspended = true;
    this.#suspensions += 1;
    this.pause(milliseconds);
    this.#stalled.unshift(() => {
      this.cluster?.handle({ kind: 'slept' });
      this.#world.afterStep(this);
    });
  }

  #thaw(): void {
    this.#rateSince = this.#world.scheduler.now;
    this.#suspended = false;
  }

  start(): void {
    if (this.up) return;
    this.#starts += 1;
    this.incarnation = `${this.name}.${this.#starts}`;
    const { replicated, tail } = this.disk;
    const options = { node: this.name, timing: this.#timing, limits: this.#limits, restored: { incarnation: this.incarnation, replicated, tail }, startsEmpty: this.#startsEmpty && this.#starts > 1 };
    this.cluster = new this.#world.protocol.ClusterNode(options, this.#ports(), () => this.#readClock(), (view) => {
      this.#permitUntil = view.permitUntil;
    });
    this.#tick(this.incarnation);
  }

  crash(wipe: boolean): void {
    this.cluster = undefined;
    this.#queue = [];
    this.#batch = [];
    this.#syncing = false;
    this.#planned.clear();
    this.#held = [];
    this.#stalled = [];
    this.pausedUntil = 0;
    this.pauseAtClock = 0;
    this.#waiting.clear();
    this.#captured = undefined;
    this.ledger = new GrantLedger();
    if (this.#suspended) this.#thaw();
    this.#permitUntil = 0;
    this.#startsEmpty = wipe;
    if (wipe) this.disk = emptyDisk(this.#world.protocol);
  }

  pause(milliseconds: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.#world.scheduler.now + milliseconds);
    this.#world.scheduler.after(milliseconds, () => this.resume());
  }

  resume(): void {
    if (this.#suspended && !this.paused) this.#thaw();
    while (this.#stalled.length > 0 && !this.paused) this.#stalled.shift()!();
  }

  /** Runs it now, or when the process runs again; never after a crash. */
  whenRunning(run: () => void): void {
    const { incarnation } = this;
    const guarded = (): void => {
      if (this.up && this.incarnation === incarnation) run();
    };
    if (this.paused || this.#stalled.length > 0) this.#stalled.push(guarded);
    else guarded();
  }

  handle(event: ClusterEvent): void {
    if (!this.up) return;
    this.whenRunning(() => {
      this.cluster?.handle(event);
      this.#world.afterStep(this);
    });
  }

  /** A client's change, by way of the primary. Returns the proposal's id. */
  submit(command: Command, done: (result: CommandResult | undefined) => void): string {
    this.#proposals += 1;
    const proposal = `${this.incarnation}#${this.#proposals}`;
    this.#waiting.set(proposal, done);
    this.handle({ kind: 'submitted', proposal, payload: toBytes(command) });
    return proposal;
  }

  /** A client's read on this node. `look` sees the store at one instant; its answer waits until it is known to be stable. */
  read<T>(look: (objects: ReadonlyMap<string, SimObject>) => { readonly seen: T; readonly touched: number }, until: number, done: (seen: T | undefined) => void): void {
    const { cluster } = this;
    if (cluster === undefined) return;
    const suspensions = this.#suspensions;
    const { seen, touched } = look(this.disk.objects);
    // A process may sleep at any instruction: between reading and asking whether that may be answered, too.
    if (this.#world.random.chance(this.#world.sleepy)) this.pause(this.#world.random.between(1, 4000));
    this.whenRunning(() => {
      const mayAnswer = cluster.mayAnswer();
      if (mayAnswer !== this.clock() < this.#permitUntil) this.#world.fail(`${this.name} told its readers otherwise than it is`);
      if (!mayAnswer || this.#suspensions !== suspensions) {
        if (this.#world.scheduler.now >= until) done(undefined);
        else this.#world.scheduler.after(20, () => this.whenRunning(() => this.read(look, until, done)));
        return;
      }
      if (touched <= cluster.stable) this.whenRunning(() => done(seen));
      else this.#held.push({ touched, answer: () => done(seen) });
    });
  }

  #readClock(): number {
    const now = this.clock();
    if (this.pauseAtClock > 0) {
      const milliseconds = this.pauseAtClock;
      this.pauseAtClock = 0;
      this.pause(milliseconds);
    }
    return now;
  }

  #tick(incarnation: string): void {
    if (this.incarnation !== incarnation || !this.up) return;
    this.handle({ kind: 'tick' });
    this.#world.scheduler.after(25, () => this.whenRunning(() => this.#tick(incarnation)));
  }

  #ports(): Ports {
    const { log, tenure, network, deliver } = this.#world;
    const { name } = this;
    const send = (to: string, message: Parameters<Ports['peers']['send']>[1]): void => {
      if (message.kind === 'tail') this.#checkLength('tail message', message.entries, this.#limits.tailMessageBytes);
      this.whenRunning(() => {
        network.carry(name, to, () => deliver(to, { kind: 'message', from: name, message }));
        this.#world.mayReplay(name, to, message);
      });
    };
    return {
      log: {
        append: (expected, logged) => {
          this.#checkLength('entry', logged.entry.works.map(({ mutations, result }) => new Uint8Array(mutations.length + result.length)), this.#limits.entryBytesMax);
          const { epoch } = log;
          this.whenRunning(() => log.append(name, expected, logged, epoch));
        },
        read: (from, count) => this.whenRunning(() => log.read(name, from, count)),
        purge: (through) => this.whenRunning(() => log.purge(name, through)),
      },
      tenure: {
        look: (sentAt) => this.whenRunning(() => tenure.look(name, sentAt)),
        claim: (claim) => this.whenRunning(() => tenure.claim(name, claim)),
        renew: (claim, revision) => this.whenRunning(() => tenure.renew(name, claim, revision)),
        yield: (revision) => this.whenRunning(() => tenure.yield(name, revision)),
      },
      peers: {
        send,
        broadcast: (message) => {
          for (const node of this.#world.names) if (node !== name) send(node, message);
        },
      },
      store: {
        apply: (logged, counts) => {
          this.#checkBacklog();
          this.#queue.push({ logged, counts });
          this.#sync();
        },
        plan: (proposal, payload) => {
          const unplans = this.#unplans;
          this.#later(this.#world.random.between(0.05, 1), () => {
            if (this.#unplans === unplans) this.#plan(proposal, payload);
          });
        },
        unplan: () => {
          this.#unplans += 1;
          this.#planned.clear();
        },
        rebuild: (below) => this.#later(this.#world.random.between(5, 50), () => this.#rebuild(below)),
        capture: () => {
          this.#captured = copyDisk(this.#world.protocol, this.disk);
          const { sequence } = this.disk.replicated;
          this.#later(1, () => this.handle({ kind: 'captured', sequence }));
        },
        publish: (sequence) => this.#later(10, () => {
          const captured = this.#captured;
          if (captured?.replicated.sequence !== sequence) return;
          this.#world.snapshots.put(sequence, { replicated: captured.replicated, tail: captured.tail }, captured);
          this.handle({ kind: 'published', sequence, bytes: 4000 });
        }),
      },
      host: {
        settle: (proposal, result) => this.whenRunning(() => {
          const settle = this.#waiting.get(proposal);
          this.#waiting.delete(proposal);
          settle?.(result === undefined ? undefined : fromBytes<CommandResult>(result));
        }),
        stable: (sequence) => {
          const ready = this.#held.filter(({ touched }) => touched <= sequence);
          this.#held = this.#held.filter(({ touched }) => touched > sequence);
          for (const { answer } of ready) this.whenRunning(answer);
        },
        discard: () => {
          this.#held = [];
          this.#queue = [];
          this.#planned.clear();
        },
      },
    };
  }

  #checkLength(what: string, parts: readonly Uint8Array[], most: number): void {
    const length = parts.reduce((sum, bytes) => sum + bytes.length, 0);
    if (parts.length > 1 && length > most) this.#world.fail(`${this.name} made a ${what} of ${parts.length} parts and ${length} bytes`);
  }

  /** An entry comes to be synced: what waits already is bounded. */
  #checkBacklog(): void {
    const waiting = [...this.#batch, ...this.#queue];
    const bytes = waiting.reduce((sum, { logged }) => sum + logged.bytes.length, 0);
    const { takenEntriesMax, takenBytesMax } = this.#limits;
    if (waiting.length >= takenEntriesMax || bytes >= takenBytesMax) this.#world.fail(`${this.name} has ${waiting.length} entries and ${bytes} bytes to sync, and took more`);
  }

  /** What the disk or the planner does takes time, and its end is an event of this process. */
  #later(delay: number, run: () => void): void {
    const { incarnation } = this;
    this.#world.scheduler.after(delay, () => {
      if (this.up && this.incarnation === incarnation) this.whenRunning(run);
    });
  }

  #sync(): void {
    if (this.#syncing || this.#queue.length === 0) return;
    this.#syncing = true;
    const batch = this.#queue;
    this.#batch = batch;
    this.#queue = [];
    const { incarnation } = this;
    this.#world.scheduler.after(this.diskDelay(), () => {
      if (!this.up || this.incarnation !== incarnation) return;
      for (const { logged, counts } of batch) {
        const counted = applyToDisk(this.#world.protocol, this.disk, logged, this.#timing.proposalKeptMs);
        if (counted !== counts) this.#world.fail(`${this.name} applied an entry otherwise than its role had taken it`);
        this.#world.applied(this);
      }
      this.#syncing = false;
      this.#batch = [];
      const { sequence } = this.disk.replicated;
      this.handle({ kind: 'applied', sequence, incarnation });
      this.#sync();
    });
  }

  #plan(proposal: string, payload: Uint8Array): void {
    const command = fromBytes<Command>(payload);
    const before = this.#planned.get(command.id) ?? this.disk.objects.get(command.id);
    const { result, after } = decide(before, command);
    const objects: SimObject[] = after === undefined ? [] : [{ id: command.id, ...after, touched: Infinity }];
    for (const object of objects) this.#planned.set(object.id, object);
    this.handle({ kind: 'planned', proposal, mutations: toBytes(objects), result: toBytes(result) });
  }

  #rebuild(below: number): void {
    this.#world.note(`${this.name} rebuilds`);
    const snapshot = this.#world.snapshots.newestBelow(below);
    this.disk = snapshot === undefined ? emptyDisk(this.#world.protocol) : copyDisk(this.#world.protocol, snapshot.content);
    this.#queue = [];
    this.#batch = [];
    this.#syncing = false;
    this.#planned.clear();
    this.#starts += 1;
    const previous = this.incarnation;
    this.incarnation = `${this.name}.${this.#starts}`;
    // The process is the same: its clients still wait, and its timer goes on under the new name.
    if (previous !== this.incarnation) this.#world.scheduler.after(25, () => this.whenRunning(() => this.#tick(this.incarnation)));
    const { replicated, tail } = this.disk;
    this.handle({ kind: 'restored', restored: { incarnation: this.incarnation, replicated, tail } });
  }
}
