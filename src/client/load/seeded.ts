/**
 * Everything of a load run that looks like chance, made from its seed: the same seed sends the same requests in the
 * same order at the same due times.
 */

/** Uniform in [0, 1): xorshift32 (Marsaglia 2003), which is plenty for gaps and mixes. */
export function uniformFrom(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x6d2b79f5) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 0x1_0000_0000;
  };
}

/** Bytes that belong to one seed and index. */
export function seededBytes(seed: number, index: number, length: number): Uint8Array<ArrayBuffer> {
  const uniform = uniformFrom((seed ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0);
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; offset++) bytes[offset] = uniform() * 256;
  return bytes;
}

/** Due times in milliseconds from the start, one at a call: `perSecond` on average. */
export function arrivals(perSecond: number, kind: 'poisson' | 'even', seed: number): () => number {
  const gapMs = 1000 / perSecond;
  const uniform = uniformFrom(seed);
  let due = kind === 'even' ? uniform() * gapMs - gapMs : 0;
  return () => {
    due += kind === 'even' ? gapMs : -Math.log(1 - uniform()) * gapMs;
    return due;
  };
}

/** Indexes into `weights`, each as often as its weight says. */
export function choices(weights: readonly number[], seed: number): () => number {
  const uniform = uniformFrom(seed);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return () => {
    let left = uniform() * total;
    for (let index = 0; index < weights.length - 1; index++) {
      left -= weights[index]!;
      if (left < 0) return index;
    }
    return weights.length - 1;
  };
}
