/** Virtual time: a heap of what happens next. Equal times happen in the order in which they were scheduled. */
interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Scheduler {
  now = 0;
  #heap: Scheduled[] = [];
  #order = 0;

  after(delay: number, run: () => void): void {
    const heap = this.#heap;
    const added: Scheduled = { at: this.now + Math.max(0, delay), order: this.#order, run };
    this.#order += 1;
    let index = heap.length;
    heap.push(added);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!earlier(added, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = added;
  }

  /** Runs what is scheduled up to the time. */
  runUntil(end: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= end) {
      const next = this.#pop();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  #pop(): Scheduled {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child += 1;
      if (!earlier(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}

function earlier(left: Scheduled, right: Scheduled): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
