/**
 * How many connections each worker has, in shared memory, so that the limit on all of them holds without messages.
 *
 * One word a worker, written by that worker only; the main thread clears it when a worker has died.
 */
export class Census {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  static forWorkers(count: number): Census {
    return new Census(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
  }

  set(worker: number, connections: number): void {
    Atomics.store(this.#words, worker, connections);
  }

  total(): number {
    let total = 0;
    for (let worker = 0; worker < this.#words.length; worker += 1) total += Atomics.load(this.#words, worker);
    return total;
  }
}
