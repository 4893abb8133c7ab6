/**
 * One line of events for one listener: in the order in which they were put, never from within the call that puts them.
 *
 * Invariant: the listener is not entered twice at once, so a port may put an event while the node is at work on another. What
 * the listener throws is a bug and leaves as an uncaught exception: it never ends up in the hands of the NATS client.
 */
export class EventQueue<Event> {
  readonly #listener: (event: Event) => void;
  #events: Event[] = [];
  #scheduled = false;
  #closed = false;

  constructor(listener: (event: Event) => void) {
    this.#listener = listener;
  }

  readonly put = (event: Event): void => {
    if (this.#closed) return;
    this.#events.push(event);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#drain());
  };

  close(): void {
    this.#closed = true;
    this.#events = [];
  }

  #drain(): void {
    const events = this.#events;
    this.#events = [];
    this.#scheduled = false;
    for (const [index, event] of events.entries()) {
      if (this.#closed) return;
      try {
        this.#listener(event);
      } catch (error) {
        this.#events = [...events.slice(index + 1), ...this.#events];
        throw error;
      }
    }
  }
}
