// Looks for the order of a round's operations that the processor at hand runs soonest:
//
//     node --no-liftoff core/aes/find-order.ts forward|inverse|serial [seconds] [seed]
//
// Role: the orders in write-bitslice.ts and of the serial round in vector-permute.ts come from here. Not part of the build.
//
// Which of the vector units takes an operation is decided when it enters the window, by what waits for each unit then; so two orders of the same
// operations, with the same longest chain, differ by 10 %, and no model of a processor that was tried told which. So orders are run: WebAssembly functions
// that differ in the order alone, compiled by this engine, in turns with the order of today. Moves that help are kept, of several lines at a time.
//
// What it prints is a ratio, new to old, and the order found: gates to paste, or names of the serial round's lines.

import binaryen from 'assemblyscript/binaryen';
import { FORWARD, INVERSE, gatesOf, sboxOf } from './write-bitslice.ts';
import type { Gate } from './write-bitslice.ts';

export interface Line {
  readonly target: string;
  readonly needs: readonly string[];
  /** WebAssembly text. */
  readonly value: string;
  /** How it is printed. */
  readonly source: string;
}
export type Order = readonly Line[];

export interface Round {
  readonly order: Order;
  /** Locals that hold constants through all rounds. */
  readonly constants: readonly string[];
  /** Other vectors that `enter` and `leave` use. */
  readonly others: readonly string[];
  /** From the wires of a round's end to those of its start. */
  readonly carried: readonly (readonly [target: string, from: string])[];
  readonly keyBytes: number;
  /** What a round begins with, and vectors that it loads where they are used first: neither is moved. */
  readonly begin: string;
  readonly atFirstUse: Readonly<Record<string, string>>;
  /** What the kernel does with a block or a batch before and after the rounds: it decides what waits when a round begins. */
  readonly enter: string;
  leave(order: Order): string;
}

const rounds = 13;
/** A sample is so many batches or blocks long: some 50 microseconds. */
const sampleRuns = { bitsliced: 150, serial: 700 };
const survivors = 6;
const candidates = 30;
const finalists = 6;

// Addresses: all tables are zeroes, since time does not depend on what they hold; the text lies at 4096, read and written.
const local = (wire: string): string => `(local.get $${wire})`;
const assign = (target: string, value: string): string => `(local.set $${target} ${value})`;
const xor = (left: string, right: string): string => `(v128.xor ${left} ${right})`;
const and = (left: string, right: string): string => `(v128.and ${left} ${right})`;
const lookUp = (table: string, index: string): string => `(i8x16.relaxed_swizzle ${table} ${index})`;
const loaded = (offset: number, from: string): string => `(v128.load offset=${offset} ${local(from)})`;
const table = (offset: number): string => `(v128.load offset=${offset} (i32.const 0))`;
const shifted = (wire: string, direction: 'shl' | 'shr_u', bits: number, lanes = 'i64x2'): string => `(${lanes}.${direction} ${local(wire)} (i32.const ${bits}))`;
const textAt = 4096;

function bitslicedRound(circuit: string): Round {
  const operators: Record<string, (left: string, right: string) => string> = {
    '^': (left, right) => xor(local(left), local(right)),
    '&': (left, right) => and(local(left), local(right)),
    '~': (left, right) => lookUp(local(left), local(right === '1' ? 'rho' : 'rhoTwice')),
    '@': (left, right) => xor(loaded(16 * Number(right), 'key'), local(left)),
  };
  const lineOf = ({ target, left, operator, right }: Gate): Line => ({
    target, needs: operator === '^' || operator === '&' ? [left, right] : [left], value: operators[operator]!(left, right), source: `${target}=${left}${operator}${right}`,
  });
  const planes = Array.from({ length: 8 }, (_, bit) => `x${7 - bit}`);
  const transposed = (distances: readonly number[]): string => distances.flatMap((distance) => [assign('mask', table(0)), ...planes.flatMap((low, bit) => {
    if ((bit & distance) !== 0) return [];
    const high = planes[bit + distance]!;
    return [
      assign('swap', and(xor(shifted(low, 'shr_u', distance), local(high)), local('mask'))), assign(high, xor(local(high), local('swap'))), assign(low, xor(local(low), shifted('swap', 'shl', distance))),
    ];
  })]).join(' ');
  const needed = new Set(sboxOf(circuit).map(({ target }) => target));
  return {
    order: gatesOf(circuit).map(lineOf), constants: [], others: ['mask', 'swap', 'first', 'rho', 'rhoTwice'], carried: Array.from({ length: 8 }, (_, bit) => [`x${bit}`, `o${bit}`]), keyBytes: 128,
    begin: assign('rotation', '(i32.add (i32.const 256) (i32.shl (i32.and (local.get $round) (i32.const 3)) (i32.const 4)))'),
    atFirstUse: { rho: loaded(0, 'rotation'), rhoTwice: loaded(64, 'rotation') },
    enter: [assign('first', table(16)), ...planes.map((plane, bit) => assign(plane, xor(loaded(16 * bit, 'text'), local('first')))), transposed([4, 2, 1])].join(' '),
    leave: (order) => [
      ...order.filter(({ target }) => needed.has(target)).map(({ target, value }) => assign(target, value)),
      ...planes.map((plane) => assign(plane, local(plane.replace('x', 's')))), transposed([1, 2, 4]), assign('swap', table(32)), assign('first', table(48)),
      ...planes.map((plane, bit) => `(v128.store offset=${16 * bit} ${local('text')} ${xor(xor(lookUp(local(plane), local('swap')), local('first')), loaded(1024 + 16 * bit, 'text'))})`).toReversed(),
    ].join(' '),
  };
}

/** The lines of encryptRounds in their order, within cbcEncryptBlocks. */
export function serialRound(): Round {
  const line = (target: string, needs: string, value: string): Line => ({ target, needs: needs === '' ? [] : needs.split(' '), value, source: target });
  const sum = (target: string, left: string, right: string): Line => line(target, `${left} ${right}`, xor(local(left), local(right)));
  const look = (target: string, from: string, index: string): Line => line(target, `${from} ${index}`, lookUp(local(from), local(index)));
  const order = [
    line('high', 'state', shifted('state', 'shr_u', 4, 'i32x4')), line('i', 'high', and(local('high'), local('mask'))),
    line('k', 'state', and(local('state'), local('mask'))), look('ofI', 'inverse', 'i'), sum('j', 'k', 'i'), look('ofJ', 'inverse', 'j'),
    look('a', 'inverseA', 'k'), sum('q', 'ofJ', 'a'), look('ofQ', 'inverse', 'q'), line('roundKey', '', loaded(0, 'key')),
    line('rotation', '', `(i32.and ${local('key')} (i32.const 48))`), line('rhoThrice', 'rotation', loaded(128, 'rotation')),
    line('rho', 'rotation', loaded(0, 'rotation')), sum('p', 'ofI', 'a'), sum('t', 'ofQ', 'i'), look('ofP', 'inverse', 'p'), sum('u', 'ofP', 'j'),
    look('singleU', 'single1', 'u'), look('singleT', 'single2', 't'), sum('single', 'singleU', 'singleT'), look('thrice', 'single', 'rhoThrice'),
    look('once', 'single', 'rho'), look('doubleU', 'double1', 'u'), look('doubleT', 'double2', 't'), sum('double', 'doubleU', 'doubleT'),
    sum('sum', 'double', 'once'), look('sumOnce', 'sum', 'rho'), sum('rest', 'roundKey', 'thrice'), sum('most', 'rest', 'sum'), sum('next', 'most', 'sumOnce'),
  ];
  const [k, i] = [and(local('state'), local('mask')), and(shifted('state', 'shr_u', 4, 'i32x4'), local('mask'))];
  const output = (u: string, t: string): string => lookUp(xor(lookUp(u, local('u')), lookUp(t, local('t'))), local('shift'));
  return {
    order, constants: ['mask', 'inverse', 'inverseA', 'single1', 'single2', 'double1', 'double2', 'shift', 'chainKey', 'lastKey'], others: ['chain'], carried: [['state', 'next']], keyBytes: 16, begin: '', atFirstUse: {},
    enter: [
      assign('state', loaded(0, 'text')), assign('k', k), assign('i', shifted('state', 'shr_u', 4, 'i32x4')), assign('state', xor(local('chain'), xor(xor(lookUp(table(16), local('k')), lookUp(table(32), local('i'))), local('chainKey')))),
    ].join(' '),
    leave: () => [
      assign('k', k), assign('i', i), assign('j', xor(local('k'), local('i'))), assign('a', lookUp(local('inverseA'), local('k'))),
      assign('p', xor(lookUp(local('inverse'), local('i')), local('a'))), assign('q', xor(lookUp(local('inverse'), local('j')), local('a'))),
      assign('u', xor(lookUp(local('inverse'), local('p')), local('j'))), assign('t', xor(lookUp(local('inverse'), local('q')), local('i'))),
      assign('chain', output(local('single1'), local('single2'))), `(v128.store ${local('text')} ${xor(output(table(48), table(64)), local('lastKey'))})`, assign('text', `(i32.add ${local('text')} (i32.const 16))`),
    ].join(' '),
  };
}

function roundText({ begin, atFirstUse, carried }: Round, order: Order): string {
  const lines = order.map(({ target, value }) => assign(target, value));
  for (const [wire, load] of Object.entries(atFirstUse)) lines.splice(lines.findIndex((line) => line.includes(local(wire))), 0, assign(wire, load));
  return [begin, ...lines, ...carried.map(([wire, from]) => assign(wire, local(from)))].join(' ');
}

function functionText(name: string, round: Round, order: Order): string {
  const { constants, others, carried, keyBytes, enter, leave } = round;
  const vectors = [...constants, ...others, ...order.map(({ target }) => target).filter((target) => target !== 'rotation'), ...carried.map(([wire]) => wire)];
  return `(func (export "${name}") (param $keys i32) (param $text i32) (param $runs i32) (local $key i32) (local $round i32) (local $rotation i32) ${vectors.map((wire) => `(local $${wire} v128)`).join(' ')}
    ${constants.map((wire) => assign(wire, table(80))).join(' ')}
    (loop $run
      ${enter} ${assign('key', local('keys'))} ${assign('round', '(i32.const 1)')}
      (loop $rounds
        ${roundText(round, order)}
        ${assign('key', `(i32.add ${local('key')} (i32.const ${keyBytes}))`)} ${assign('round', `(i32.add ${local('round')} (i32.const 1))`)}
        (br_if $rounds (i32.le_s ${local('round')} (i32.const ${rounds}))))
      ${leave(order)}
      ${assign('runs', `(i32.sub ${local('runs')} (i32.const 1))`)}
      (br_if $run ${local('runs')})))`;
}

type Call = (keys: number, text: number, runs: number) => void;

function compile(round: Round, orders: readonly Order[]): readonly Call[] {
  const module = binaryen.parseText(`(module (memory 1) ${orders.map((order, index) => functionText(`f${index}`, round, order)).join('\n')})`);
  module.setFeatures(binaryen.Features.All);
  for (let index = 0; index < module.getNumFunctions(); index += 1) {
    module.runPassesOnFunction(binaryen.getFunctionInfo(module.getFunctionByIndex(index)).name, ['coalesce-locals', 'vacuum', 'reorder-locals']);
  }
  const exports = new WebAssembly.Instance(new WebAssembly.Module(module.emitBinary() as Uint8Array<ArrayBuffer>)).exports;
  module.dispose();
  return orders.map((_, index) => exports[`f${index}`] as Call);
}

/** Time of each order as a share of the present one's: medians of turns. */
function shares(round: Round, orders: readonly Order[], turns: number): readonly number[] {
  const [present, ...others] = compile(round, [round.order, ...orders]) as [Call, ...Call[]];
  const runs = round.keyBytes === 16 ? sampleRuns.serial : sampleRuns.bitsliced;
  const time = (call: Call): number => {
    call(1024, textAt, runs >> 3);
    const start = performance.now();
    call(1024, textAt, runs);
    return performance.now() - start;
  };
  const samples = others.map(() => new Float64Array(turns));
  for (let turn = 0; turn < turns; turn += 1) others.forEach((call, index) => { samples[index]![turn] = time(call) / time(present); });
  return samples.map((each) => each.sort()[turns >> 1]!);
}

/** The order with up to four stretches of lines moved to where their needs are met and nobody needs them yet. */
function moved(order: Order, below: (limit: number) => number): Order {
  let result = order;
  for (let moves = 1 + below(4); moves > 0; moves -= 1) {
    const length = below(10) < 7 ? 1 : 1 + below(6);
    const from = below(result.length - length + 1);
    const stretch = result.slice(from, from + length);
    const others = [...result.slice(0, from), ...result.slice(from + length)];
    const made = new Set(stretch.map(({ target }) => target));
    const needed = new Set(stretch.flatMap(({ needs }) => needs));
    const earliest = others.findLastIndex(({ target }) => needed.has(target)) + 1;
    const user = others.findIndex(({ needs }) => needs.some((wire) => made.has(wire)));
    const latest = user < 0 ? others.length : user;
    const at = earliest + below(latest - earliest + 1);
    result = [...others.slice(0, at), ...stretch, ...others.slice(at)];
  }
  return result;
}

/** xorshift32: whole numbers below a limit. */
function seeded(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0 || 1;
  return (limit) => {
    for (const shift of [13, -17, 5]) state = (state ^ (shift > 0 ? state << shift : state >>> -shift)) >>> 0;
    return state % limit;
  };
}

function best(round: Round, orders: readonly Order[], turns: number, count: number): readonly Order[] {
  const distinct = [...new Map(orders.map((order) => [order.map(({ target }) => target).join(), order])).values()];
  const share = new Map(shares(round, distinct, turns).map((value, index) => [distinct[index]!, value]));
  return distinct.toSorted((left, right) => share.get(left)! - share.get(right)!).slice(0, count);
}

function search(round: Round, seconds: number, seed: number): void {
  const below = seeded(seed);
  let pool: readonly Order[] = [round.order];
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    const tried = Array.from({ length: candidates }, () => moved(pool[below(pool.length)]!, below));
    pool = best(round, [...best(round, tried, 7, finalists), ...pool], 41, survivors);
  }
  const [found] = best(round, [round.order, ...pool], 201, 1) as [Order];
  const [again, share] = shares(round, [round.order, found], 201) as [number, number];
  process.stdout.write(`${(share / again).toFixed(4)} of the present order's time\n${found.map(({ source }) => source).join(' ')}\n`);
}

if (import.meta.main) {
  const [which, seconds = '60', seed = '1'] = process.argv.slice(2);
  const roundsByName: Record<string, () => Round> = { forward: () => bitslicedRound(FORWARD), inverse: () => bitslicedRound(INVERSE), serial: serialRound };
  const chosen = roundsByName[which ?? ''];
  if (chosen === undefined) throw new Error(`which round? ${Object.keys(roundsByName).join(', ')}`);
  if (!process.execArgv.includes('--no-liftoff')) throw new Error('only what the optimising compiler made is worth timing: node --no-liftoff');
  search(chosen(), Number(seconds), Number(seed));
}
