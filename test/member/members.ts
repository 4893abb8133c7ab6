/**
 * Members of one cluster in the test's own process, over one real nats-server: each with a store, a planner and what its threads
 * would be told, but no threads and no port. A member whose link is cut is, to the others, one that died without a word.
 *
 * Invariant: what was opened is closed, and its folder removed, when the test ends, whatever became of it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultLimits, defaultTiming } from '../../cluster/timing.ts';
import type { ClusterLimits, Timing } from '../../cluster/timing.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { openMemberKeeper } from '../../src/member/member-keeper.ts';
import type { MemberKeeper } from '../../src/member/member-keeper.ts';
import type { KeeperEvents } from '../../src/server/keeper.ts';
import { limitsWith } from '../../src/server/limits.ts';
import { compileCore } from '../../src/wasm/load.ts';
import { startNats } from '../cluster/nats/nats-servers.ts';
import type { NatsServers } from '../cluster/nats/nats-servers.ts';

const core = compileCore();
export const membersRootKey = new Uint8Array(32).fill(5);
/** Longer than anything waits here but for a fault. */
const untilMs = 60_000;

/** A way to NATS that can be cut. */
class Link {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(port: number) {
    this.#server = createServer((near) => {
      if (this.#isCut) return near.destroy();
      const far = connect(port, '127.0.0.1');
      for (const [socket, other] of [[near, far], [far, near]] as const) {
        this.#sockets.add(socket);
        socket.pipe(other);
        socket.on('error', () => undefined).on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  static async open(port: number): Promise<Link> {
    const link = new Link(port);
    await once(link.#server.listen(0, '127.0.0.1'), 'listening');
    return link;
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

export interface MemberSettings {
  readonly timing?: Timing;
  readonly consistency?: 'linearizable' | 'available';
  readonly limits?: Readonly<Record<string, number>>;
  readonly clusterLimits?: Partial<ClusterLimits>;
  changed?(report: Parameters<KeeperEvents['changed']>[0]): void;
}

export interface OpenMember {
  readonly keeper: MemberKeeper;
  readonly link: Link;
  /** What its threads were told of the store: `suspend`, `resume`. */
  readonly happened: readonly string[];
  close(): Promise<void>;
}

export class Members {
  readonly nats: NatsServers;
  readonly folder: string;
  /** What no member should ever meet. */
  readonly faults: unknown[] = [];
  readonly #open = new Set<OpenMember>();

  private constructor(nats: NatsServers, folder: string) {
    this.nats = nats;
    this.folder = folder;
  }

  static async start(context: TestContext): Promise<Members> {
    const folder = mkdtempSync(join(tmpdir(), 'kmipd-members-'));
    const members = new Members(await startNats(1), folder);
    context.after(async () => {
      await Promise.all([...members.#open].map((member) => member.close()));
      await members.nats[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });
    return members;
  }

  /** Opens a member; it is ready when its `ready` says so. */
  async open(node: string, { timing = defaultTiming, consistency = 'linearizable', limits = {}, clusterLimits = {}, changed = () => undefined }: MemberSettings = {}): Promise<OpenMember> {
    const link = await Link.open(Number(this.nats.urls[0]!.split(':').at(-1)));
    const happened: string[] = [];
    const { keeper } = await openMemberKeeper({
      nats: { servers: [link.url], cluster: 'members', node, replicas: 1 },
      consistency, timing, clusterLimits: { ...defaultLimits, ...clusterLimits }, core, crossovers: undefined,
      store: { folder: join(this.folder, node), rootKey: membersRootKey },
      server: { vendorIdentification: 'kmipd', serverVersion: '0', serverName: 'test' },
      clock: systemClock, log: silentLog, limits: limitsWith(limits), planned: () => undefined,
    }, {
      changed,
      suspend: async () => void happened.push('suspend'),
      resume: async () => void happened.push('resume'),
      onFault: (error) => this.faults.push(error),
    });
    const member: OpenMember = {
      keeper, link, happened,
      close: async () => {
        if (!this.#open.delete(member)) return;
        await keeper.close();
        link.close();
      },
    };
    this.#open.add(member);
    return member;
  }

  /** Opens several at once and waits until each may answer reads; the primary comes first. */
  async ready(nodes: readonly string[], settings: MemberSettings = {}): Promise<OpenMember[]> {
    const opened = await Promise.all(nodes.map((node) => this.open(node, settings)));
    await Promise.all(opened.map(({ keeper }) => keeper.ready()));
    const rank = ({ keeper }: OpenMember): number => (keeper.status().role === 'primary' ? 0 : 1);
    await until(() => opened.filter((member) => rank(member) === 0).length === 1);
    return opened.sort((left, right) => rank(left) - rank(right));
  }
}

/** Waits until it is so; fails where it never is. */
export async function until(isSo: () => boolean | Promise<boolean>, limitMs = untilMs): Promise<void> {
  for (const begin = performance.now(); !(await isSo()); await sleep(5)) assert.ok(performance.now() - begin < limitMs, `not so after ${limitMs} ms: ${isSo.toString()}`);
}

export const setting = (name: string, value = 1) => ({ kind: 'setting-put', name, value: Uint8Array.of(value) }) as const;
