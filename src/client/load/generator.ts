/**
 * Makes the load of one thread: sends messages when they are due, on any connection with room, and takes the answers.
 *
 *     due ──> waiting (in order) ──> on its way ──> answered: counted, a share checked
 *              └ too many: dropped    └ connection lost, no answer in time: failed
 *
 * Invariant: latency counts from the due time, which never depends on an earlier answer; what is due in the warm-up
 * counts nowhere. Whatever the server does, the run ends within its duration and one time-out.
 */
import type { ConnectionOptions } from '../connection.ts';
import { reasonName, scanAnswer } from './answer.ts';
import { Checker } from './checker.ts';
import { Lane } from './lane.ts';
import type { LaneEvents, LoadMessage } from './lane.ts';
import { forEachIndex } from './own-keys.ts';
import { LoadError } from './plan.ts';
import type { LoadPlan } from './plan.ts';
import type { RequestRing } from './requests.ts';
import { arrivals, choices } from './seeded.ts';
import { countFailure, newHistogram, newTally, recordMs } from './tally.ts';
import type { Tally } from './tally.ts';

/** Messages that may wait for room, all due; beyond that they are dropped and counted. */
const waitingMax = 200_000;
/** Objects made by a run that are remembered, to be destroyed after it; there the run ends. */
const madeMax = 1_000_000;
/** A lost connection is made again after this time, until the run is over: a server may be away for long, as in a restart. */
const againMs = 200;
/** Connections that one thread tries to make again in a second, at most. */
const againPerSecond = 1_000;
/** How near a due time a timer still comes in time. */
const timerSlackMs = 2;
const secondMs = 1000;

/** One thread's share of a run. */
export interface LoadJob {
  readonly plan: LoadPlan;
  readonly connection: ConnectionOptions;
  readonly identifiers: readonly string[];
  readonly rings: readonly RequestRing[];
  readonly thread: number;
  readonly lanes: number;
  readonly rate: number;
  readonly messages: number;
}

/** One second of the measured time (-1 and below: of the warm-up). */
export interface Second {
  readonly second: number;
  readonly due: number;
  readonly answered: number;
  readonly failed: number;
  readonly waiting: number;
  readonly latency: ReturnType<typeof newHistogram>;
}

export class Generator implements LaneEvents {
  readonly tally: Tally;
  /** Identifiers of what the run made. */
  readonly made: string[] = [];
  readonly #job: LoadJob;
  readonly #onSecond: (second: Second) => void;
  readonly #lanes: Lane[];
  readonly #rings: readonly (readonly Uint8Array[])[];
  readonly #makes: readonly boolean[];
  readonly #checker: Checker;
  readonly #choose: () => number;
  readonly #cursors: number[];
  #nextDue = 0;
  #takeDue: () => number = () => 0;
  #queue: LoadMessage[] = [];
  #queueHead = 0;
  #outstanding = 0;
  #issued = 0;
  #laneCursor = 0;
  #untilCheck: number;
  #measureAt = 0;
  #endAt = Infinity;
  #lastAnswerAt = 0;
  #ended: (() => void) | undefined;
  #stopped = false;
  #clock: NodeJS.Timeout | undefined;
  #second = 0;
  #secondCounts = { due: 0, answered: 0, failed: 0 };
  #secondLatency = newHistogram();

  constructor(job: LoadJob, onSecond: (second: Second) => void) {
    const { plan } = job;
    this.#job = job;
    this.#onSecond = onSecond;
    this.tally = newTally(plan.mix.map(({ operation }) => operation));
    this.#lanes = Array.from({ length: job.lanes }, () => new Lane(job.connection, plan.pipeline, this));
    this.#rings = job.rings.map(({ bytes, offsets }) => Array.from({ length: offsets.length - 1 }, (_, index) => Buffer.from(bytes, offsets[index]!, offsets[index + 1]! - offsets[index]!)));
    this.#makes = job.rings.map(({ operation }) => operation === 'create' || operation === 'register');
    this.#checker = new Checker(plan, job.connection, job.identifiers, this.tally);
    this.#choose = choices(plan.mix.map(({ weight }) => weight), plan.seed + 2 * job.thread + 1);
    // Threads begin at different places of a ring, so that they do not ask for the same key at the same time.
    this.#cursors = this.#rings.map((ring) => Math.floor((ring.length * job.thread) / plan.threads));
    this.#untilCheck = plan.checkEvery;
  }

  async connect(): Promise<void> {
    await forEachIndex(this.#lanes.length, (index) => this.#lanes[index]!.connect(this.#job.plan.timeoutMs)).catch((error: unknown) => {
      throw new LoadError(`cannot connect: ${(error as Error).message}`, { cause: error });
    });
  }

  /** Runs to the end; `tally` and `made` are whole then. */
  async run(): Promise<void> {
    const { plan, rate, thread } = this.#job;
    const startAt = performance.now() + 1;
    this.#measureAt = startAt + plan.warmupMs;
    this.#endAt = this.#stopped ? startAt : this.#measureAt + plan.durationMs;
    this.#second = -Math.ceil(plan.warmupMs / secondMs);
    const ended = new Promise<void>((resolve) => { this.#ended = resolve; });
    this.#clock = setInterval(() => this.#watch(), 100);
    if (rate > 0) {
      const gaps = arrivals(rate, plan.arrival, plan.seed + 2 * thread);
      this.#takeDue = () => startAt + gaps();
      this.#nextDue = this.#takeDue();
      this.#turn();
    } else {
      for (const lane of this.#lanes) this.settled(lane);
    }
    await ended;
    clearInterval(this.#clock);
    this.#closeSecond();
    this.tally.measuredMs = Math.max(0, Math.min(this.#endAt, this.#isExhausted ? this.#lastAnswerAt : Infinity) - this.#measureAt);
    await this.#checker.finish();
    for (const lane of this.#lanes) lane.close();
  }

  /** No more messages from now on; what is on its way is waited for. */
  stop(): void {
    this.#stopped = true;
    this.#endAt = Math.min(this.#endAt, performance.now());
  }

  answered(_: Lane, message: LoadMessage, answer: Uint8Array): void {
    const now = performance.now();
    this.#outstanding -= 1;
    this.#lastAnswerAt = now;
    const { due, sentAt, operation, variant } = message;
    const { tally } = this;
    const measured = due >= this.#measureAt;
    let items = 0;
    try {
      const scanned = scanAnswer(answer, this.#makes[operation]!);
      ({ items } = scanned);
      if (items < this.#job.plan.batch && scanned.failures.length === 0) throw new RangeError('items are missing');
      if (scanned.identifiers.length > 0) this.#remember(scanned.identifiers);
      if (measured) for (const reason of scanned.failures) this.#fail(reasonName(reason));
      if (scanned.failures.length === 0 && this.#job.plan.checkEvery > 0 && --this.#untilCheck <= 0) {
        this.#untilCheck = this.#job.plan.checkEvery;
        this.#checker.check(this.#job.plan.mix[operation]!.operation, variant, answer);
      }
    } catch {
      if (measured) this.#fail('(answer that is no KMIP response, or not whole)');
    }
    this.#secondCounts.answered += 1;
    recordMs(this.#secondLatency, now - due);
    // What the server does in the measured time counts as its rate, also for messages that were due before.
    if (now >= this.#measureAt && now <= this.#endAt) {
      tally.answeredInTime += 1;
      tally.itemsInTime += items;
    }
    if (!measured) return;
    const counts = tally.operations[operation]!;
    recordMs(counts.latency, now - due);
    recordMs(tally.service, now - sentAt);
    recordMs(tally.wait, sentAt - due);
    counts.items += items;
    tally.answered += 1;
  }

  settled(lane: Lane): void {
    if (this.#job.rate > 0) {
      while (lane.hasRoom && this.#queueHead < this.#queue.length) this.#send(lane, this.#takeQueued());
    } else {
      while (lane.hasRoom && this.#mayIssue(performance.now())) this.#send(lane, this.#next(performance.now()));
    }
    this.#finishWhenDone();
  }

  lost(lane: Lane, reason: string, unanswered: readonly LoadMessage[]): void {
    this.#outstanding -= unanswered.length;
    const measured = unanswered.filter(({ due }) => due >= this.#measureAt).length;
    if (measured > 0) this.#fail(`(no answer: ${reason})`, measured);
    this.tally.lostConnections += 1;
    this.#retry(lane);
    this.#finishWhenDone();
  }

  #retry(lane: Lane): void {
    setTimeout(() => void this.#again(lane), Math.max(againMs, (this.#lanes.length * secondMs) / againPerSecond));
  }

  async #again(lane: Lane): Promise<void> {
    if (performance.now() > this.#endAt) return;
    try {
      await lane.connect(this.#job.plan.timeoutMs);
      this.settled(lane);
    } catch {
      this.#retry(lane);
    }
  }

  /** The next message of the run. */
  #next(due: number): LoadMessage {
    const operation = this.#choose();
    const variant = this.#cursors[operation]!;
    this.#cursors[operation] = (variant + 1) % this.#rings[operation]!.length;
    this.#issued += 1;
    this.#outstanding += 1;
    this.#secondCounts.due += 1;
    if (due >= this.#measureAt) this.tally.due += 1;
    return { due, operation, variant, sentAt: 0 };
  }

  get #isExhausted(): boolean {
    return this.#issued >= this.#job.messages || this.made.length >= madeMax;
  }

  #mayIssue(due: number): boolean {
    return due < this.#endAt && !this.#isExhausted;
  }

  #send(lane: Lane, message: LoadMessage): void {
    message.sentAt = performance.now();
    lane.send(message, this.#rings[message.operation]![message.variant]!);
  }

  #takeQueued(): LoadMessage {
    const message = this.#queue[this.#queueHead++]!;
    if (this.#queueHead === this.#queue.length) {
      this.#queue = [];
      this.#queueHead = 0;
    } else if (this.#queueHead > 65_536) {
      this.#queue.splice(0, this.#queueHead);
      this.#queueHead = 0;
    }
    return message;
  }

  /** Open loop: takes what is due, sends what there is room for, and comes again for the next. */
  readonly #turn = (): void => {
    const now = performance.now();
    while (this.#nextDue <= now && this.#mayIssue(this.#nextDue)) {
      const message = this.#next(this.#nextDue);
      if (this.#queue.length - this.#queueHead < waitingMax) this.#queue.push(message);
      else this.#drop(message);
      this.#nextDue = this.#takeDue();
    }
    this.#spread();
    if (!this.#mayIssue(this.#nextDue)) return this.#finishWhenDone();
    const gap = this.#nextDue - performance.now();
    if (!this.#job.plan.spin) setTimeout(this.#turn, Math.max(1, gap));
    else if (gap > timerSlackMs) setTimeout(this.#turn, Math.min(gap - timerSlackMs, secondMs));
    else setImmediate(this.#turn);
  };

  /** Sends what waits, round the connections that have room. */
  #spread(): void {
    let full = 0;
    while (this.#queueHead < this.#queue.length && full < this.#lanes.length) {
      const lane = this.#lanes[this.#laneCursor]!;
      this.#laneCursor = (this.#laneCursor + 1) % this.#lanes.length;
      if (lane.hasRoom) {
        full = 0;
        this.#send(lane, this.#takeQueued());
      } else {
        full += 1;
      }
    }
  }

  #drop(message: LoadMessage): void {
    this.#outstanding -= 1;
    if (message.due >= this.#measureAt) this.tally.dropped += 1;
  }

  #fail(why: string, count = 1): void {
    this.#secondCounts.failed += count;
    countFailure(this.tally, why, count);
  }

  #remember(identifiers: readonly string[]): void {
    for (const identifier of identifiers) this.made.push(identifier);
  }

  /** Ten times a second: ends seconds, time-outs, and the run. */
  #watch(): void {
    const now = performance.now();
    if (now >= this.#measureAt + (this.#second + 1) * secondMs) this.#closeSecond();
    for (const lane of this.#lanes) if (now - lane.waitingSince > this.#job.plan.timeoutMs) lane.lose('none in time');
    if (now > this.#endAt + this.#job.plan.timeoutMs) {
      const measured = this.#queue.slice(this.#queueHead).filter(({ due }) => due >= this.#measureAt).length;
      this.#queue = [];
      this.#queueHead = 0;
      if (measured > 0) this.#fail('(never sent: no connection had room)', measured);
      for (const lane of this.#lanes) lane.lose('none in time');
      this.#outstanding = 0;
    }
    this.#finishWhenDone();
  }

  #closeSecond(): void {
    this.#onSecond({ second: this.#second, ...this.#secondCounts, waiting: this.#outstanding, latency: this.#secondLatency });
    this.#second += 1;
    this.#secondCounts = { due: 0, answered: 0, failed: 0 };
    this.#secondLatency = newHistogram();
  }

  #finishWhenDone(): void {
    if (this.#outstanding > 0) return;
    const next = this.#job.rate > 0 ? this.#nextDue : performance.now();
    if (!this.#mayIssue(next)) this.#ended?.();
  }
}
