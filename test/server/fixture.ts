/**
 * A listener in this process with an engine of the tests' own: what the server room does, without KMIP's meaning.
 *
 * A test message is framed like KMIP; its body tells the engine what to do:
 *
 *     42 00 78 01 | length | action u8 | 0 | number u16 | answer length u32 | …
 *
 * The answer repeats the first eight bytes of the body, padded to the answer length asked for.
 */
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { CertificateAuthority, makeAuthority } from '../../src/identity/certificate-authority.ts';
import type { CertifiedKey } from '../../src/identity/certificate-authority.ts';
import { fingerprintOf, factsOf } from '../../src/identity/certificate-facts.ts';
import type { Identified } from '../../src/identity/identify.ts';
import { layout, slabBytes, slabLength } from '../../src/metrics/layout.ts';
import { Recorder } from '../../src/metrics/recorder.ts';
import type { Caller } from '../../src/operations/context.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { Census } from '../../src/server/census.ts';
import type { ClusterViewReader } from '../../src/server/cluster-view.ts';
import { CoherenceFollower, CoherencePublisher } from '../../src/server/coherence.ts';
import type { EnginePort, Executed } from '../../src/server/engine-port.ts';
import type { FastAnswer } from '../../src/server/key-slots.ts';
import { limitsWith } from '../../src/server/limits.ts';
import { Listener } from '../../src/server/listener.ts';
import { MessageService } from '../../src/server/message-service.ts';
import type { PlanMessage } from '../../src/server/primary-link.ts';
import { PrimaryLink } from '../../src/server/primary-link.ts';

export const action = { answer: 0, later: 1, change: 2, bug: 3, laterBug: 4 } as const;

export function testMessage(kind: number, number: number, answerLength = 8, extra = 0): Buffer {
  const bytes = Buffer.alloc(16 + extra);
  bytes.set([0x42, 0x00, 0x78, 0x01]);
  bytes.writeUInt32BE(8 + extra, 4);
  bytes[8] = kind;
  bytes.writeUInt16BE(number, 10);
  bytes.writeUInt32BE(answerLength, 12);
  return bytes;
}

function answerTo(message: Uint8Array, bytes: Buffer = Buffer.alloc(answerLength(message))): Buffer {
  const request = Buffer.from(message);
  bytes.set([0x42, 0x00, 0x7b, 0x01]);
  bytes.writeUInt32BE(bytes.length - 8, 4);
  bytes.set(request.subarray(8, 16), 8);
  return bytes;
}

const answerLength = (message: Uint8Array): number => 8 + Buffer.from(message).readUInt32BE(12);

/** Answers like the core: always in the same memory, which is overwritten when the answer counts as taken. */
export class FakeSlots {
  readonly memory = Buffer.alloc(1 << 16);

  answer(message: Uint8Array): FastAnswer | undefined {
    if (message[8] !== action.answer || answerLength(message) > this.memory.length) return undefined;
    this.memory.fill(0xee);
    return { response: answerTo(message, this.memory.subarray(0, answerLength(message))), items: [{ operation: 10, reason: 0 }], version: 14 };
  }

  forget(): void {
    this.memory.fill(0xdd);
  }

  dropAll(): void {}
}

/** The number that an answer repeats, or the text of a refusal. */
export function toldBy(answer: Uint8Array): number | string {
  const bytes = Buffer.from(answer);
  return bytes[8] === 0xff ? bytes.subarray(9).toString('utf8').replaceAll('\0', '') : bytes.readUInt16BE(10);
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class FakeEngine implements EnginePort {
  /** Numbers of messages in the order of their execution. */
  readonly executed: number[] = [];
  laterMs = 20;

  execute(message: Uint8Array, _caller: Caller, mayMutate: boolean): Executed | Promise<Executed> {
    const bytes = Buffer.from(message);
    const number = bytes.readUInt16BE(10);
    const done = (): Executed => {
      this.executed.push(number);
      return { needsPrimary: false, response: answerTo(message), mutations: [], items: [{ operation: 10, reason: 0 }], version: 14 };
    };
    switch (bytes[8]) {
      case action.later: return pause(this.laterMs).then(done);
      case action.change: return mayMutate ? done() : { needsPrimary: true };
      case action.bug: throw new Error('a bug in the engine');
      case action.laterBug: return Promise.reject(new Error('a later bug in the engine'));
      default: return done();
    }
  }

  refuse(reason: string, text: string): Uint8Array {
    const body = Buffer.from(`\xff${reason}: ${text}`, 'latin1');
    const bytes = Buffer.alloc(8 + Math.ceil(body.length / 8) * 8);
    bytes.set([0x42, 0x00, 0x7b, 0x01]);
    bytes.writeUInt32BE(bytes.length - 8, 4);
    bytes.set(body, 8);
    return bytes;
  }
}

interface Certificates {
  readonly authority: CertificateAuthority;
  readonly server: readonly CertifiedKey[];
  readonly client: CertifiedKey;
}
let certificates: Promise<Certificates> | undefined;

async function makeCertificates(): Promise<Certificates> {
  const now = Math.floor(Date.now() / 1000);
  const authority = await CertificateAuthority.from(await makeAuthority(now));
  const server = [await authority.issueServer(['localhost', '127.0.0.1'], 'ec', now), await authority.issueServer(['localhost', '127.0.0.1'], 'rsa', now)];
  return { authority, server, client: await authority.issueClient('s', 'r', 'ec', now, now + 3600) };
}

export interface Fixture extends AsyncDisposable {
  readonly port: number;
  readonly engine: FakeEngine;
  readonly listener: Listener;
  readonly publisher: CoherencePublisher;
  readonly authority: CertificateAuthority;
  readonly client: CertifiedKey;
  /** Messages that went to the writing thread and wait for `answerPrimary`, when `holdPrimary` is set. */
  readonly atPrimary: PlanMessage[];
  holdPrimary: boolean;
  answerPrimary(): void;
  /** Callers by fingerprint of their certificate. */
  readonly known: Map<string, Identified>;
  cell(name: keyof typeof layout, index?: number): number;
  tls(options?: ConnectionOptions): ConnectionOptions;
  connect(options?: ConnectionOptions): Promise<TestClient>;
}

/** The answers in what came, however it was cut; what is left at the end is given as the last. */
export function answersIn(bytes: Uint8Array): Buffer[] {
  const answers: Buffer[] = [];
  for (let rest = Buffer.from(bytes); rest.length > 0;) {
    const length = rest.length < 8 ? rest.length : 8 + rest.readUInt32BE(4);
    answers.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return answers;
}

/** A client that keeps each 'data' event apart. */
export class TestClient {
  readonly socket: TLSSocket;
  readonly records: Buffer[] = [];
  readonly closed: Promise<void>;
  ended = false;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.records.push(chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => { this.ended = true; });
    this.closed = once(socket, 'close').then(() => undefined, () => undefined);
  }

  async receive(count: number, timeoutMs = 5000): Promise<Buffer[]> {
    const deadline = performance.now() + timeoutMs;
    while (this.records.length < count) {
      if (performance.now() > deadline || this.socket.destroyed) throw new Error(`${this.records.length} of ${count} records came${this.socket.destroyed ? ', then the connection was closed' : ''}`);
      await pause(2);
    }
    return this.records;
  }

  /** Waits for so many answers, in records of any kind. */
  async receiveAnswers(count: number, timeoutMs = 5000): Promise<Buffer[]> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const answers = answersIn(Buffer.concat(this.records));
      if (answers.length >= count && answers.at(-1)!.length >= 8 + answers.at(-1)!.readUInt32BE(4)) return answers;
      if (performance.now() > deadline || this.socket.destroyed) throw new Error(`${answers.length} of ${count} answers came`);
      await pause(2);
    }
  }
}

/** `view`: of a member of a cluster. */
export async function startFixture(given: Record<string, number> = {}, clock = systemClock, view?: ClusterViewReader, slots?: FakeSlots): Promise<Fixture> {
  const { authority, server, client } = await (certificates ??= makeCertificates());
  const engine = new FakeEngine();
  const slab = new SharedArrayBuffer(slabBytes);
  const cells = new Float64Array(slab, 0, slabLength);
  const recorder = new Recorder(slab);
  const publisher = new CoherencePublisher();
  const { fingerprint } = factsOf(client.certificate);
  const caller: Caller = { scope: 's', role: 'r', permissions: ['operation_all'], credential: fingerprint };
  const known = new Map<string, Identified>([[fingerprint, { caller, notAfter: Number.MAX_SAFE_INTEGER }]]);
  const atPrimary: PlanMessage[] = [];
  let turn: Promise<void> = Promise.resolve();
  const planned = (plan: PlanMessage): void => {
    turn = turn.then(async () => {
      try {
        const executed = await engine.execute(plan.message, caller, true);
        if (!executed.needsPrimary) link.receive({ kind: 'planned', id: plan.id, answer: executed });
      } catch {
        link.receive({ kind: 'planned', id: plan.id, answer: { response: engine.refuse('GeneralFailure', 'at the primary'), items: [], version: 0 } });
      }
    });
  };
  const link: PrimaryLink = new PrimaryLink(({ following = [], ...first }) => {
    const plans: PlanMessage[] = [first, ...following.map((plan) => ({ ...plan, kind: 'plan' as const }))];
    if (fixture.holdPrimary) atPrimary.push(...plans);
    else setTimeout(() => plans.forEach(planned), 1);
  });
  const follower = new CoherenceFollower(publisher.memory, { drop() {}, dropAll() {}, identityChanged: () => listener.recheck() });
  const limits = limitsWith(given);
  const nothing = { enter() {}, leave() {}, fetch: () => undefined, glance: () => undefined, async *candidates() {} };
  const service = new MessageService({ engine, slots, primary: link, follower, cache: nothing, cluster: view && { view, consistency: 'linearizable', limits }, recorder, clock, log: silentLog, messageBytesMax: limits.messageBytes });
  const listener: Listener = new Listener({
    tls: { certificates: server.map((each) => each.certificate), privateKeys: server.map((each) => each.privateKey), authorities: [authority.certificate], ciphers: undefined, ticketSecret: new Uint8Array(32).fill(7) },
    identifier: {
      identify: (certificate) => (certificate === undefined ? { refusal: 'unknown' } : known.get(fingerprintOf(certificate)) ?? { refusal: 'unknown' }),
      identifyAgain: (each) => known.get(each) ?? { refusal: 'unknown' },
    },
    service, recorder, limits, clock, log: silentLog, census: Census.forWorkers(1), worker: 0,
  });
  const port = await listener.listen('127.0.0.1', 0);
  const clients: TestClient[] = [];
  const fixture: Fixture = {
    port, engine, listener, publisher, authority, client, atPrimary, known,
    holdPrimary: false,
    answerPrimary() {
      for (const plan of atPrimary.splice(0)) planned(plan);
    },
    cell: (name, index = 0) => cells[layout[name] + index]!,
    tls: (options = {}) => ({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificate, cert: client.certificate, key: client.privateKey, ...options }),
    async connect(options = {}) {
      const socket = connectTls(fixture.tls(options));
      const made = new TestClient(socket);
      clients.push(made);
      await once(socket, 'secureConnect');
      return made;
    },
    async [Symbol.asyncDispose]() {
      for (const each of clients) each.socket.destroy();
      await listener.drain();
    },
  };
  return fixture;
}
