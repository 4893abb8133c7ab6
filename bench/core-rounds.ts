/**
 * Times calls in turns, so that what disturbs the machine disturbs all of them: the medians' ratio is worth more than the medians.
 */
import { quantile } from './report.ts';

/** One sample lasts about this long, so that the clock's own cost and resolution vanish. */
const sampleNanoseconds = 40_000;
const warmUpMs = 200;

/** Median nanoseconds of each call, over `milliseconds` in all. */
export function medians(calls: readonly (() => void)[], milliseconds: number): number[] {
  const counts = calls.map((call) => {
    const warm = performance.now() + warmUpMs / calls.length;
    let done = 0;
    const start = performance.now();
    while (performance.now() < warm) {
      for (let count = 0; count < 8; count += 1) call();
      done += 8;
    }
    return Math.max(1, Math.round((done * sampleNanoseconds) / ((performance.now() - start) * 1e6)));
  });
  const samples: number[][] = calls.map(() => []);
  const end = performance.now() + milliseconds;
  do {
    calls.forEach((call, index) => {
      const count = counts[index]!;
      const start = performance.now();
      for (let done = 0; done < count; done += 1) call();
      samples[index]!.push(((performance.now() - start) * 1e6) / count);
    });
  } while (performance.now() < end);
  return samples.map((each) => quantile(Float64Array.from(each).sort(), 0.5));
}

export function middle(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}
