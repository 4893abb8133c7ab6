// Writes bitslice-encrypt.gen.ts, bitslice-decrypt.gen.ts and bitslice-counter.gen.ts: run `node core/aes/write-bitslice.ts` after a change here.
// Role: the gate lists and their order in one place, since AssemblyScript has no function with eight answers and
// planes passed through memory or globals cost up to five times as much as locals. Not part of the build; a test compares
// the files with what this would write.
//
// The gates of the S-box: J. Boyar and R. Peralta, "A new combinational logic minimization technique with applications to cryptology"
// (2010), with the output layer of their later circuit of 113 gates (with C. Calik), the four NOTs dropped (0x63 is in the round keys). The
// inverse has the same middle; its linear layers are composed with A^-1 and minimised anew (Boyar-Peralta above: 23 XORs, Paar
// below: 35), 120 gates. x0, s0 and o0 are the highest bits.
//
// Order: a whole round's, found by find-order.ts, which runs orders and keeps what is sooner. One annealed for a model of a processor was 7 %
// slower, one with the fewest spills 11 %.

import { writeFileSync } from 'node:fs';

/** One round from planes x to planes o: the S-box, x to s, and MixColumns with the round key, out = 2t ^ r ^ rho^2(t) ^ K for r = rho(s), t =
 *  s ^ r. a~1 and a~2: a with its rows rotated by rho, by rho^2; a@5: a ^ plane 5 of the round key. */
export const FORWARD = `
  t0=x1^x2 y13=x0^x6 y14=x3^x5 y1=t0^x7 y9=x0^x3 y12=y13^y14 t1=x4^y12 y8=x0^x5 y15=t1^x5 y10=y15^t0 y20=t1^x1 y4=y1^x3
  y5=y1^x6 y2=y1^x0 y11=y20^y9 y3=y5^y8 t2=y12&y15 y6=y15^x7 t8=y5&y1 t5=y4&x7 y17=y10^y11 t3=y3&y6 t6=t5^t2 y16=t0^y11
  t4=t3^t2 t13=y14&y17 t7=y13&y16 t15=y8&y10 t12=y9&y11 y7=x7^y11 t10=y2&y7 t16=t15^t12 y18=x0^y16 t14=t13^t12 t9=t8^t7
  t19=t9^t14 t17=t4^t14 t18=t6^t16 t11=t10^t7 t21=t17^y20 y21=y13^y16 y19=y10^y8 t20=t11^t16 t23=t19^y21 t22=t18^y19
  t24=t20^y18 t26=t21&t23 t25=t21^t22 t30=t23^t24 t31=t22^t26 t27=t24^t26 t32=t31&t30 t28=t25&t27 t33=t32^t24 t34=t23^t33
  t35=t27^t33 t36=t24&t35 t37=t36^t34 t38=t27^t36 t29=t28^t22 t42=t29^t33 z2=t33&x7 t39=t29&t38 t44=t33^t37 z1=t37&y6
  t40=t25^t39 z5=t29&y7 z6=t42&y11 z0=t44&y15 t41=t40^t37 z14=t29&y2 c4=z0^z2 t45=t42^t41 t43=t29^t40 z4=t40&y1
  z15=t42&y9 z8=t41&y10 z3=t43&y16 z12=t43&y13 z13=t40&y5 z16=t45&y14 z7=t45&y17 z10=t37&y3 c6=z3^z4 z9=t44&y12
  c1=z15^z16 c13=z13^c1 c2=z10^c1 c5=z1^z0 c8=z7^c6 c7=z12^c4 c16=z6^c8 c3=z9^c2 c11=c6^c5 c12=z3^z5 c9=z8^c7 c14=c4^c12
  c10=c8^c9 s3=c3^c11 c18=c13^c14 s0=c3^c16 z11=t33&y4 r7=s0~1 s7=z12^c18 c20=z15^c16 c17=z14^c10 c21=c2^z11 r0=s7~1
  s1=s3^c16 s6=c10^c18 r6=s1~1 z17=t41&y8 s5=c21^c17 r1=s6~1 c26=c17^c20 s2=c26^z17 r4=s3~1 s4=c14^s3 m1=s6^r1 q1=r1@1
  r2=s5~1 r5=s2~1 m7=s0^r7 q7=r7@7 q6=r6@6 r3=s4~1 m0=s7^r0 m6=s1^r6 u6=m6~2 u1=m1~2 m2=s5^r2 u7=m7~2 u0=m0~2 d1=m0^m7
  q0=r0@0 v6=q6^u6 m5=s2^r5 d3=m2^m7 u5=m5~2 v0=q0^u0 m3=s4^r3 q5=r5@5 q2=r2@2 m4=s3^r4 u2=m2~2 v7=q7^u7 v2=q2^u2 q4=r4@4
  u4=m4~2 q3=r3@3 v5=q5^u5 v1=q1^u1 u3=m3~2 o6=v1^d1 v3=q3^u3 v4=q4^u4 o1=v6^m5 o7=v0^m7 d4=m3^m7 o2=v5^m4 o3=v4^d4
  o5=v2^m1 o0=v7^m6 o4=v3^d3
`;

/** The same with the inverse S-box, and before MixColumns what makes its inverse of it: s ^ 4(s ^ rho^2(s)), planes p. */
export const INVERSE = `
  y19=x4^x7 y9=x3^x4 y5=x1^x3 y1=x3^y19 y13=x6^y1 y8=x0^x1 a25=x0^x5 y18=x2^y9 y2=y5^y13 y7=y18^y2 y16=y1^y7 y21=x6^y7
  t7=y13&y16 yx7=x2^a25 y3=x0^x3 y11=y7^yx7 y4=x2^y7 y10=y8^y19 y6=x0^y5 t15=y8&y10 t12=y9&y11 y17=y10^y11 t10=y2&y7
  y14=x4^y6 t16=t15^t12 t11=t10^t7 y15=y6^yx7 t13=y14&y17 y12=y3^y4 t3=y3&y6 t8=y5&y1 t2=y12&y15 t4=t3^t2 t5=y4&yx7
  t9=t8^t7 t14=t13^t12 y20=y9^y11 t20=t11^t16 t6=t5^t2 t19=t9^t14 t23=t19^y21 t18=t6^t16 t17=t4^t14 t22=t18^y19
  t21=t17^y20 t24=t20^y18 t26=t21&t23 t30=t23^t24 t27=t24^t26 t31=t22^t26 t25=t21^t22 t32=t31&t30 t28=t25&t27 t33=t32^t24
  t29=t28^t22 t35=t27^t33 t42=t29^t33 t34=t23^t33 t36=t24&t35 z15=t42&y9 t38=t27^t36 t39=t29&t38 z2=t33&yx7 z6=t42&y11
  t37=t36^t34 t40=t25^t39 z11=t33&y4 t41=t40^t37 t44=t33^t37 z10=t37&y3 b18=z6^z15 t43=t29^t40 z13=t40&y5 t45=t42^t41
  b19=z13^b18 b23=z2^z10 z12=t43&y13 b36=z12^b18 z5=t29&y7 z8=t41&y10 z16=t45&y14 z1=t37&y6 b20=z12^b19 z4=t40&y1
  z3=t43&y16 b21=z8^z16 b25=z1^b23 z7=t45&y17 b24=b20^b21 b33=z11^b21 z17=t41&y8 b40=z5^b24 b28=z7^b20 z0=t44&y15
  b22=z3^z4 b35=b23^b28 b30=z4^z5 z9=t44&y12 b26=b22^b25 b38=z1^b24 b31=z0^b30 b45=z0^b24 b46=b22^b28 s0=z3^b40
  b32=z11^b31 z14=t29&y2 b27=z9^z17 b29=z14^b26 s3=z2^b45 b37=z8^b27 h7=s0~2 b47=b19^b29 s1=b37^b47 b44=z17^b32
  b34=z11^b27 s4=b35^b44 s6=z16^b46 s5=b31^b38 h3=s4~2 h6=s1~2 s7=z15^b34 e7=s0^h7 h1=s6~2 b39=b29^b36 e6=s1^h6 h4=s3~2
  e1=s6^h1 e16=e1^e6 h2=s5~2 e67=e6^e7 e4=s3^h4 p4=s4^e16 s2=b33^b39 e2=s5^h2 e3=s4^h3 e267=e2^e67 p6=s6^e67 p3=s3^e267
  h0=s7~2 e37=e3^e7 e0=s7^h0 r3=p4~1 h5=s2~2 p2=s2^e37 e07=e0^e7 r4=p3~1 p7=s7^e6 m3=p4^r3 r5=p2~1 p5=s5^e07 r2=p5~1
  r0=p7~1 p1=s1^e4 r6=p1~1 e5=s2^h5 q3=r3@3 u3=m3~2 p0=s0^e5 m2=p5^r2 r1=p6~1 v3=q3^u3 r7=p0~1 u2=m2~2 m7=p0^r7 q0=r0@0
  m1=p6^r1 q2=r2@2 v2=q2^u2 q6=r6@6 m0=p7^r0 u0=m0~2 u7=m7~2 m6=p1^r6 u6=m6~2 u1=m1~2 o5=v2^m1 m4=p3^r4 q7=r7@7 q4=r4@4
  v0=q0^u0 d4=m3^m7 v6=q6^u6 m5=p2^r5 d3=m2^m7 o4=v3^d3 q5=r5@5 d1=m0^m7 u4=m4~2 u5=m5~2 v7=q7^u7 o7=v0^m7 q1=r1@1
  v4=q4^u4 v5=q5^u5 o1=v6^m5 v1=q1^u1 o0=v7^m6 o2=v5^m4 o3=v4^d4 o6=v1^d1
`;

const OPERATORS: Record<string, string> = { '^': 'xor', '&': 'and' };

export interface Gate {
  readonly target: string;
  readonly left: string;
  readonly operator: string;
  readonly right: string;
}

export function gatesOf(circuit: string): Gate[] {
  return circuit.trim().split(/\s+/).map((gate) => {
    const [, target, left, operator, right] = /^(\w+)=(\w+)([\^&~@])(\w+)$/.exec(gate)!;
    return { target: target!, left: left!, operator: operator!, right: right! };
  });
}

/** Of a round, in its order, the gates that the S-box's outputs hang on. */
export function sboxOf(circuit: string): Gate[] {
  const gates = gatesOf(circuit);
  const needed = new Set(['s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7']);
  for (const { target, left, right } of gates.toReversed()) {
    if (needed.has(target)) needed.add(left).add(right);
  }
  return gates.filter(({ target }) => needed.has(target));
}

/** Gates on planes `plane0` (lowest bit) to `plane7`, in place; `output`: the letter of the wires that become planes; temporaries are told apart
 *  by `suffix`. */
function linesOf(gates: readonly Gate[], output: string, suffix: string): string[] {
  const name = (wire: string): string => (/^x[0-7]$/.test(wire) ? `plane${7 - Number(wire[1])}` : wire + suffix);
  const lines = gates.map(({ target, left, operator, right }) => {
    const value = operator === '~' ? `lookUp(${name(left)}, ${right === '1' ? 'rho' : 'rhoTwice'})`
      : operator === '@' ? `v128.xor(v128.load(key, ${16 * Number(right)}), ${name(left)})`
      : `v128.${OPERATORS[operator]!}(${name(left)}, ${name(right)})`;
    return `const ${target}${suffix} = ${value};`;
  });
  for (let bit = 7; bit >= 0; bit--) lines.push(`plane${bit} = ${output}${7 - bit}${suffix};`);
  return lines;
}

/** The S-box alone. */
function sbox(circuit: string, suffix: string): string[] {
  return linesOf(sboxOf(circuit), 's', suffix);
}

/** A round; rho and rho^2 are loaded where they are needed first. */
function round(circuit: string, sign: string): string[] {
  const lines = linesOf(gatesOf(circuit), 'o', 'm');
  for (const [word, load] of [['rhoTwice', 'v128.load(rotation, 64)'], ['rho', 'v128.load(rotation)']] as const) {
    lines.splice(lines.findIndex((line) => line.endsWith(` ${word});`)), 0, `const ${word} = ${load};`);
  }
  return [`const rotation = ROTATIONS + (<usize>(${sign}round & 3) << 4);`, ...lines];
}

/** One level of the 8 x 8 bit transposition: swaps bit groups between planes whose numbers differ by `distance`. */
function swapMoves(distance: number): string[] {
  const lines: string[] = [`mask = v128.load(SWAP_MASKS, ${{ 1: 0, 2: 16, 4: 32 }[distance]});`];
  for (let low = 0; low < 8; low++) {
    if ((low & distance) !== 0) continue;
    const high = low + distance;
    lines.push(
      `swap = v128.and(v128.xor(i64x2.shr_u(plane${low}, ${distance}), plane${high}), mask);`,
      `plane${high} = v128.xor(plane${high}, swap);`,
      `plane${low} = v128.xor(plane${low}, i64x2.shl(swap, ${distance}));`,
    );
  }
  return lines;
}

/** Bytes of eight blocks to planes. */
function toPlanes(): string[] {
  return ['let mask: v128;', 'let swap: v128;', ...[4, 2, 1].flatMap(swapMoves)];
}

function kernel(name: string, decrypt: boolean): string {
  const lines: string[] = ['const first = v128.load(keys, BITSLICE_FIRST);'];
  for (let block = 0; block < 8; block++) lines.push(`let plane${block} = v128.xor(v128.load(source, ${16 * block}), first);`);
  lines.push(...toPlanes(), 'let key = keys + BITSLICE_MIDDLE;', 'let round: i32 = 1;', ...roundsAndOutput(decrypt));
  return functionText(`${name}(keys: usize, rounds: i32, source: usize, masks: usize, target: usize)`, lines);
}

/** From planes, `key` and `round` on: the rounds, then back to bytes. */
function roundsAndOutput(decrypt: boolean): string[] {
  const circuit = decrypt ? INVERSE : FORWARD;
  const sign = decrypt ? '-' : '';
  const lines: string[] = ['do {'];
  const body = [...round(circuit, sign), 'key += 128;', 'round += 1;'];
  lines.push(...body.map((line) => '  ' + line), '} while (round < rounds);', ...sbox(circuit, 'l'));
  for (const distance of [1, 2, 4]) lines.push(...swapMoves(distance));
  lines.push(`const shift = v128.load(SHIFTS + (<usize>(${sign}rounds & 3) << 4));`, 'const last = v128.load(keys, BITSLICE_LAST);');
  for (let block = 7; block >= 0; block--) {
    lines.push(`v128.store(target, v128.xor(v128.xor(lookUp(plane${block}, shift), last), v128.load(masks, ${16 * block})), ${16 * block});`);
  }
  return lines;
}

function functionText(signature: string, lines: readonly string[]): string {
  return `export function ${signature}: void {\n${lines.map((line) => '  ' + line + '\n').join('')}}\n`;
}

/** Round 1 of up to 128 counter blocks that differ in byte 15 only: `run` gets what encryptEightCounters starts from. */
function sliceCounters(): string {
  const lines: string[] = [
    'const base = v128.load(counter);',
    'const first = v128.load(keys, BITSLICE_FIRST);',
    '// Byte 15 of all blocks: byte j of block n is that of counter 8j + n, XORed with the key.',
    'const start = lookUp(base, v128.load(LAST_BYTE));',
    'const keyByte = lookUp(first, v128.load(LAST_BYTE));',
  ];
  for (let block = 0; block < 8; block++) lines.push(`let plane${block} = v128.xor(i8x16.add(start, v128.load(COUNTER_STEPS, ${16 * block})), keyByte);`);
  lines.push(...toPlanes(), ...sbox(FORWARD, 'v'));
  for (let bit = 0; bit < 8; bit++) {
    const from = bit === 0 ? 'plane7' : `plane${bit - 1}`;
    lines.push(
      `const twice${bit} = ${bit === 1 || bit === 3 || bit === 4 ? `v128.xor(${from}, plane7)` : from};`,
      `const thrice${bit} = v128.xor(plane${bit}, twice${bit});`,
      `const lowOnce${bit} = v128.shuffle<u8>(plane${bit}, plane${bit}, ${unpack(8, 1)});`,
      `const lowMore${bit} = v128.shuffle<u8>(thrice${bit}, twice${bit}, ${unpack(8, 1)});`,
      `v128.store(run, v128.shuffle<u8>(lowOnce${bit}, lowMore${bit}, ${unpack(8, 2)}), ${128 + 64 * bit});`,
      `v128.store(run, v128.shuffle<u8>(lowOnce${bit}, lowMore${bit}, ${unpack(16, 2)}), ${144 + 64 * bit});`,
      `const highOnce${bit} = v128.shuffle<u8>(plane${bit}, plane${bit}, ${unpack(16, 1)});`,
      `const highMore${bit} = v128.shuffle<u8>(thrice${bit}, twice${bit}, ${unpack(16, 1)});`,
      `v128.store(run, v128.shuffle<u8>(highOnce${bit}, highMore${bit}, ${unpack(8, 2)}), ${160 + 64 * bit});`,
      `v128.store(run, v128.shuffle<u8>(highOnce${bit}, highMore${bit}, ${unpack(16, 2)}), ${176 + 64 * bit});`,
    );
  }
  lines.push(
    '// The other fifteen bytes, which all blocks share, by vector permute: MixColumns with nothing in byte 15, then K_1.',
    'const substituted = v128.andnot(invertAndMap(changeBasis(v128.xor(base, first), PHI), ENCRYPT_LAST), v128.load(LAST_BYTE_MASK));',
    'const rho = v128.load(ROTATIONS, 16);',
    'const doubled = v128.xor(i8x16.shl(substituted, 1), v128.and(i8x16.shr_s(substituted, 7), i8x16.splat(0x1b)));',
    'const sum = v128.xor(doubled, lookUp(substituted, rho));',
    'const mixed = v128.xor(v128.xor(lookUp(substituted, v128.load(ROTATIONS, 144)), sum), lookUp(sum, rho));',
  );
  for (let bit = 0; bit < 8; bit++) {
    lines.push(`v128.store(run, v128.xor(v128.load(keys, BITSLICE_MIDDLE + ${16 * bit}), i8x16.shr_s(${bit === 7 ? 'mixed' : `i8x16.shl(mixed, ${7 - bit})`}, 7)), ${16 * bit});`);
  }
  return functionText('sliceCounters(keys: usize, counter: usize, run: usize)', lines);
}

/** Indices that interleave two vectors by `width` bytes: their low halves (8) or high halves (16). */
function unpack(end: 8 | 16, width: number): string {
  const indices: number[] = [];
  for (let from = end - 8; from < end; from += width) {
    for (const half of [0, 16]) for (let byte = 0; byte < width; byte++) indices.push(half + from + byte);
  }
  return indices.join(', ');
}

function encryptEightCounters(): string {
  const lines: string[] = ['const reach = v128.load(COUNTER_REACH);'];
  for (let bit = 0; bit < 8; bit++) lines.push(`let plane${bit} = v128.xor(v128.load(run, ${16 * bit}), v128.and(v128.load32_splat(words, ${128 + 64 * bit}), reach));`);
  lines.push('let mask: v128;', 'let swap: v128;', 'let key = keys + BITSLICE_MIDDLE + 128;', 'let round: i32 = 2;', ...roundsAndOutput(false));
  return functionText('encryptEightCounters(keys: usize, rounds: i32, run: usize, words: usize, masks: usize, target: usize)', lines);
}

export function counterText(): string {
  return `// Written by write-bitslice.ts; change that, not this. Bitsliced AES encryption of counter blocks, eight at a time, round 1
// computed once for a run of up to 128 that differ in byte 15 only (D. Bernstein and P. Schwabe, INDOCRYPT 2008, for AES in counter mode). Byte
// 15 reaches four bytes of the state after MixColumns, one in each column, as V, V, 3V, 2V of its S-box value V.
//
//   run: 0 C_b, planes of what all blocks share (8 x 16)   128 W_b, words V V 3V 2V of plane b for 16 batches (8 x 64)   640
//   sliceCounters(…, counter, run), then for batch j: encryptEightCounters(…, run, run + 4j, masks, target)
//
// target[n] = E(counter + 8j + n) ^ masks[n]; byte 15 of the counter may not run over within the batches used. Secret: keys, run,
// masks, target; public: counter. Needs the bitsliced encryption form at \`keys\`. Invariant: no branch but the loop over rounds.

import { lookUp } from "../ct.ts";
import { BITSLICE_FIRST, BITSLICE_LAST, BITSLICE_MIDDLE } from "./area-layout.ts";
import { COUNTER_REACH, COUNTER_STEPS, ENCRYPT_LAST, LAST_BYTE, LAST_BYTE_MASK, PHI, ROTATIONS, SHIFTS, SWAP_MASKS } from "./tables.ts";
import { changeBasis, invertAndMap } from "./vector-permute.ts";

${sliceCounters()}
${encryptEightCounters()}`;
}

/** The text of one generated file. */
export function bitsliceText(decrypt: boolean): string {
  const letter = decrypt ? 'D' : 'E';
  return `// Written by write-bitslice.ts; change that, not this. Bitsliced AES ${decrypt ? 'decryption' : 'encryption'} of eight blocks (E. Käsper and P. Schwabe, CHES
// 2009): plane b, byte p, bit n is bit b of byte p of block n. target[n] = ${letter}(source[n]) ^ masks[n] for n = 0 to 7; all
// three may be the same memory. ShiftRows is left out of the rounds as in vector-permute.ts. Needs the bitsliced ${decrypt ? 'decryption' : 'encryption'}
// form at \`keys\`. Secret: keys, source, masks, target. Invariant: no branch but the loop over rounds.

import { lookUp } from "../ct.ts";
import { BITSLICE_FIRST, BITSLICE_LAST, BITSLICE_MIDDLE } from "./area-layout.ts";
import { ROTATIONS, SHIFTS, SWAP_MASKS } from "./tables.ts";

${kernel(decrypt ? 'decryptEight' : 'encryptEight', decrypt)}`;
}

if (import.meta.main) {
  writeFileSync(new URL('bitslice-encrypt.gen.ts', import.meta.url), bitsliceText(false));
  writeFileSync(new URL('bitslice-decrypt.gen.ts', import.meta.url), bitsliceText(true));
  writeFileSync(new URL('bitslice-counter.gen.ts', import.meta.url), counterText());
}
