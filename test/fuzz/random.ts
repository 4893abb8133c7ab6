/** A seeded generator (xoshiro128**): one seed replays a whole run of the fuzzer. Not for secrets. */
export class SeededRandom {
  private readonly state = new Uint32Array(4);

  constructor(seed: number) {
    let z = seed >>> 0;
    for (let index = 0; index < 4; index += 1) {
      z = (z + 0x9e37_79b9) >>> 0;
      let mixed = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
      this.state[index] = (mixed ^ (mixed >>> 16)) >>> 0;
    }
  }

  /** 32 random bits. */
  next(): number {
    const [a, b, c, d] = this.state as unknown as [number, number, number, number];
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const shifted = b << 9;
    const nextC = c ^ a;
    const nextD = d ^ b;
    this.state[1] = b ^ nextC;
    this.state[0] = a ^ nextD;
    this.state[2] = nextC ^ shifted;
    this.state[3] = (nextD << 11) | (nextD >>> 21);
    return result;
  }

  /** A whole number from 0 to below `bound`. */
  below(bound: number): number {
    return bound <= 0 ? 0 : Math.floor((this.next() / 0x1_0000_0000) * bound);
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }

  bytes(length: number): Buffer {
    const made = Buffer.alloc(length);
    for (let index = 0; index < length; index += 1) made[index] = this.next();
    return made;
  }
}
