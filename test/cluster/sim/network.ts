/**
 * Links between nodes, the log and the tenure store: loss, delay, doubling, reordering, cuts in one or both directions. What goes
 * to the log keeps its order, as on a connection, but for what a slow or lagging link holds back.
 */
import type { SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export interface Weather {
  readonly loss: number;
  readonly doubled: number;
  /** Share of messages that take long, and how long at most. */
  readonly slow: number;
  readonly slowMs: number;
}

export const calm: Weather = { loss: 0, doubled: 0, slow: 0, slowMs: 0 };

export class Network {
  weather: Weather;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #cuts = new Map<string, number>();
  /** Links that hold messages back for a while, as a socket does whose peer does not acknowledge. */
  readonly #lags = new Map<string, { readonly until: number; readonly delay: number }>();
  /** When the last of what keeps its order arrives. */
  readonly #arrivals = new Map<string, number>();
  carried = 0;

  constructor(scheduler: Scheduler, random: SeededRandom, weather: Weather) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.weather = weather;
  }

  cut(source: string, target: string, milliseconds: number): void {
    this.#cuts.set(`${source}>${target}`, this.#scheduler.now + milliseconds);
  }

  /** Messages sent within the time arrive up to `delay` late, in any order. */
  lag(source: string, target: string, delay: number, milliseconds: number): void {
    this.#lags.set(`${source}>${target}`, { until: this.#scheduler.now + milliseconds, delay });
  }

  heal(): void {
    this.#cuts.clear();
    this.#lags.clear();
  }

  open(source: string, target: string): boolean {
    return (this.#cuts.get(`${source}>${target}`) ?? 0) <= this.#scheduler.now;
  }

  carry(source: string, target: string, deliver: () => void): void {
    const copies = this.#random.chance(this.weather.doubled) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (!this.open(source, target) || this.#random.chance(this.weather.loss)) continue;
      const slow = this.#random.chance(this.weather.slow);
      const held = (slow ? this.#random.between(0, this.weather.slowMs) : 0) + this.#lagOf(source, target);
      let delay = this.#random.between(0.1, 1.5) + held;
      if (target === 'log' && held === 0) {
        const { now } = this.#scheduler;
        delay = Math.max(delay, (this.#arrivals.get(source) ?? 0) - now);
        this.#arrivals.set(source, now + delay);
      }
      this.#scheduler.after(delay, () => {
        // What was under way when a link was cut is lost with it.
        if (!this.open(source, target)) return;
        this.carried += 1;
        deliver();
      });
    }
  }

  #lagOf(source: string, target: string): number {
    const lag = this.#lags.get(`${source}>${target}`);
    return lag !== undefined && lag.until > this.#scheduler.now ? this.#random.between(0, lag.delay) : 0;
  }
}
