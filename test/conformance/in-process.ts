/**
 * Plays cases against the engine in this process: memory store, real core, no sockets, and a clock that stands at the
 * present unless a test moves it. Fast enough to play every case at every version.
 *
 * Each transport is a server of its own; the clients A, B and C of a case are credentials of one scope.
 */
import { createHarness } from '../engine/harness.ts';
import type { Harness } from '../engine/harness.ts';
import type { Item } from '../harness/wire.ts';
import type { Transport } from './play.ts';

export class InProcessTransport implements Transport {
  readonly #harness: Harness = createHarness({ permissions: ['operation_all', 'interop_tests', 'decrypt_unverified_stream'] });

  exchange(client: string, request: Item): Promise<Item> {
    this.#harness.clock.now = Date.now() / 1000;
    return this.#harness.send(request, this.#harness.callerOf('alpha', `client ${client}`));
  }
}
