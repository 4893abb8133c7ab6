// Writes bitslice-encrypt.gen.ts, bitslice-decrypt.gen.ts and bitslice-counter.gen.ts: run `node core/aes/write-bitslice.ts` after a change here.
// Role: the gate lists and their order in one place, since AssemblyScript has no function with eight answers and
// planes passed through memory or globals cost up to five times as much as locals. Not part of the build; a test compares
// the files with what this would write.
//
// The gates: J. Boyar and R. Peralta, "A new combinational logic minimization technique with applications to cryptology" (2010), 115
// gates with the four NOTs dropped (0x63 is in the round keys). The inverse has the same middle; its linear layers
// are composed with A^-1 and minimised anew (Boyar-Peralta above: 23 XORs, Paar below: 35), 120 gates. x0 and s0 are
// the highest bits. Order: annealed for the fewest spills by Belady's rule on 14 registers (forward 38 to 19,
// inverse 48 to 26, a reload counted 0.6).

import { writeFileSync } from 'node:fs';

const FORWARD = `
  t0=x1^x2 y14=x3^x5 y8=x0^x5 y13=x0^x6 y1=t0^x7 y12=y13^y14 t1=x4^y12 y4=y1^x3 y15=t1^x5 y20=t1^x1 y5=y1^x6
  y3=y5^y8 y9=x0^x3 y6=y15^x7 t2=y12&y15 t3=y3&y6 y11=y20^y9 t8=y5&y1 y10=y15^t0 t5=y4&x7 y2=y1^x0 y16=t0^y11
  y18=x0^y16 t4=t3^t2 t12=y9&y11 t6=t5^t2 t7=y13&y16 y7=x7^y11 t10=y2&y7 t15=y8&y10 t11=t10^t7 t9=t8^t7
  t16=t15^t12 t20=t11^t16 y17=y10^y11 t18=t6^t16 t24=t20^y18 t13=y14&y17 t14=t13^t12 t17=t4^t14 t19=t9^t14
  y21=y13^y16 t23=t19^y21 y19=y10^y8 t21=t17^y20 t22=t18^y19 t26=t21&t23 t31=t22^t26 t30=t23^t24 t32=t31&t30
  t33=t32^t24 t27=t24^t26 t34=t23^t33 t25=t21^t22 t35=t27^t33 t36=t24&t35 t38=t27^t36 t28=t25&t27 t29=t28^t22
  t39=t29&t38 t40=t25^t39 t37=t36^t34 t41=t40^t37 t43=t29^t40 t42=t29^t33 z3=t43&y16 z17=t41&y8 z8=t41&y10
  t45=t42^t41 z6=t42&y11 z7=t45&y17 t54=z6^z7 t52=z7^z8 t44=t33^t37 t59=z3^t54 z16=t45&y14 z12=t43&y13
  z15=t42&y9 t46=z15^z16 z9=t44&y12 t55=z16^z17 z0=t44&y15 z10=t37&y3 t49=z9^z10 z1=t37&y6 t53=z0^z3 z4=t40&y1
  z13=t40&y5 z11=t33&y4 t47=z10^z11 t58=z4^t46 t62=t52^t58 t63=t49^t58 t64=z4^t59 s0=t59^t63 t66=z1^t63
  z2=t33&x7 t50=z2^z12 z5=t29&y7 t57=t50^t53 t48=z5^z13 t51=z2^z5 z14=t29&y2 t61=z14^t57 t65=t61^t62 s3=t53^t66
  t56=z12^t48 s6=t56^t62 t60=t46^t57 s1=t64^s3 s7=t48^t60 s4=t51^t66 t67=t64^t65 s5=t47^t65 s2=t55^t67
`;

const INVERSE = `
  y19=x4^x7 a25=x0^x5 y9=x3^x4 y5=x1^x3 y18=x2^y9 y6=x0^y5 y1=x3^y19 t8=y5&y1 y3=x0^x3 y8=x0^x1 y13=x6^y1
  y2=y5^y13 y7=y18^y2 y16=y1^y7 y21=x6^y7 t7=y13&y16 t9=t8^t7 t10=y2&y7 yx7=x2^a25 y14=x4^y6 y10=y8^y19 y4=x2^y7
  y11=y7^yx7 t15=y8&y10 y17=y10^y11 t13=y14&y17 t12=y9&y11 t14=t13^t12 t16=t15^t12 t11=t10^t7 t19=t9^t14
  y15=y6^yx7 y12=y3^y4 t23=t19^y21 t20=t11^t16 t5=y4&yx7 t2=y12&y15 t6=t5^t2 t18=t6^t16 t22=t18^y19 t3=y3&y6
  t4=t3^t2 t24=t20^y18 y20=y9^y11 t17=t4^t14 t21=t17^y20 t25=t21^t22 t26=t21&t23 t30=t23^t24 t31=t22^t26
  t32=t31&t30 t27=t24^t26 t33=t32^t24 z2=t33&yx7 t35=t27^t33 t36=t24&t35 t28=t25&t27 t29=t28^t22 t42=t29^t33
  z15=t42&y9 t38=t27^t36 z11=t33&y4 t34=t23^t33 z14=t29&y2 t37=t36^t34 z5=t29&y7 t39=t29&t38 t40=t25^t39
  t44=t33^t37 z10=t37&y3 z0=t44&y15 b23=z2^z10 t43=t29^t40 z9=t44&y12 t41=t40^t37 z1=t37&y6 z12=t43&y13
  z13=t40&y5 z6=t42&y11 b18=z6^z15 b19=z13^b18 z4=t40&y1 t45=t42^t41 z3=t43&y16 b25=z1^b23 b30=z4^z5 b36=z12^b18
  b22=z3^z4 b20=z12^b19 b26=b22^b25 b29=z14^b26 z7=t45&y17 b47=b19^b29 b39=b29^b36 b28=z7^b20 b31=z0^b30
  b46=b22^b28 z16=t45&y14 b35=b23^b28 z8=t41&y10 s6=z16^b46 b21=z8^z16 z17=t41&y8 b24=b20^b21 b45=z0^b24
  b38=z1^b24 b27=z9^z17 s5=b31^b38 b37=z8^b27 b40=z5^b24 s0=z3^b40 s3=z2^b45 b32=z11^b31 s1=b37^b47 b44=z17^b32
  b33=z11^b21 b34=z11^b27 s2=b33^b39 s7=z15^b34 s4=b35^b44
`;

const OPERATORS: Record<string, string> = { '^': 'xor', '&': 'and' };

/** The S-box on planes `plane0` (lowest bit) to `plane7`, in place; temporaries are told apart by `suffix`. */
function sbox(circuit: string, suffix: string): string[] {
  const name = (wire: string): string =>
    /^x[0-7]$/.test(wire) ? `plane${7 - Number(wire[1])}` : wire + suffix;
  const lines = circuit.trim().split(/\s+/).map((gate) => {
    const [, target, left, operator, right] = /^(\w+)=(\w+)([\^&])(\w+)$/.exec(gate)!;
    return `const ${target}${suffix} = v128.${OPERATORS[operator!]}(${name(left!)}, ${name(right!)});`;
  });
  for (let bit = 7; bit >= 0; bit--) lines.push(`plane${bit} = s${7 - bit}${suffix};`);
  return lines;
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

/** MixColumns and the round key, out = 2t ^ r ^ rho^2(t) ^ K with r = rho(s), t = s ^ r; plane 7 first. */
function mixColumns(): string[] {
  const lines: string[] = [];
  const order = [7, 0, 1, 2, 3, 4, 5, 6];
  for (const bit of order) {
    lines.push(
      `const rotated${bit} = lookUp(plane${bit}, rho);`,
      `const sum${bit} = v128.xor(plane${bit}, rotated${bit});`,
    );
    const carry = bit === 1 || bit === 3 || bit === 4;
    const out = `v128.xor(v128.xor(v128.load(key, ${16 * bit}), rotated${bit}), lookUp(sum${bit}, rhoTwice))`;
    if (bit === 7) lines.push(`const rest7 = ${out};`);
    else {
      const doubled = bit === 0 ? 'sum7' : carry ? `v128.xor(sum${bit - 1}, sum7)` : `sum${bit - 1}`;
      lines.push(`plane${bit} = v128.xor(${out}, ${doubled});`);
    }
  }
  lines.push('plane7 = v128.xor(rest7, sum6);');
  return lines;
}

/** InvMixColumns = MixColumns of s ^ 4(s ^ rho^2(s)): this is the part before MixColumns. */
function premix(): string[] {
  const lines: string[] = [];
  for (let bit = 0; bit < 8; bit++) lines.push(`const even${bit} = v128.xor(plane${bit}, lookUp(plane${bit}, rhoTwice));`);
  const quadruple = ['even6', 'v128.xor(even6, even7)', 'v128.xor(even0, even7)', 'v128.xor(even1, even6)',
    'v128.xor(even2, v128.xor(even6, even7))', 'v128.xor(even3, even7)', 'even4', 'even5'];
  for (let bit = 0; bit < 8; bit++) lines.push(`plane${bit} = v128.xor(plane${bit}, ${quadruple[bit]});`);
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
  const body = [...sbox(circuit, 'm'),
    `const rotation = ROTATIONS + <usize>(${sign}round & 3) * 48;`,
    'const rho = v128.load(rotation);', 'const rhoTwice = v128.load(rotation, 16);',
    ...(decrypt ? premix() : []), ...mixColumns(), 'key += 128;', 'round += 1;'];
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
    'const rho = v128.load(ROTATIONS, 48);',
    'const doubled = v128.xor(i8x16.shl(substituted, 1), v128.and(i8x16.shr_s(substituted, 7), i8x16.splat(0x1b)));',
    'const sum = v128.xor(doubled, lookUp(substituted, rho));',
    'const mixed = v128.xor(v128.xor(lookUp(substituted, v128.load(ROTATIONS, 80)), sum), lookUp(sum, rho));',
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
