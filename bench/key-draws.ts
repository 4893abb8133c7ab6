/**
 * In which order a run asks for keys: evenly or with favourites, from a seed, so that every run asks for the same ones.
 *
 * `even` draws each key with the same chance, which is the hardest a cache can meet; `favourites` is Zipf's law with the exponent of
 * YCSB (0.99): of 100,000 keys the first 1,000 get about 60 % of the requests, as tenants and volumes of a real store do.
 */
import { uniformFrom } from '../src/client/load/seeded.ts';

export type Spread = 'even' | 'favourites';

const zipfExponent = 0.99;

/** `count` indexes below `keys`. */
export function drawKeys(keys: number, spread: Spread, count: number, seed: number): Uint32Array {
  const uniform = uniformFrom(seed);
  const drawn = new Uint32Array(count);
  if (spread === 'even') return drawn.map(() => Math.floor(uniform() * keys));
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank += 1) sums[rank] = sum += (rank + 1) ** -zipfExponent;
  return drawn.map(() => {
    const wanted = uniform() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}
