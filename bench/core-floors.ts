/**
 * The core's floors, each with its source. Names are those of the rows in core.bench.ts.
 */
import type { CoreBuild } from '../src/wasm/load.ts';
import { timingTargets } from './core-timing.ts';
import type { Floor } from './floors.ts';

export const openSslSizes = [4096, 65536] as const;

/** Mode and direction → least ratio to OpenSSL without AES instructions, by build. */
const openSslFloors: readonly (readonly [kernel: string, relaxed: number | undefined, strict: number | undefined])[] = [
  ['CTR encrypt', 1.05, 0.98],
  ['ECB encrypt', 1.9, undefined],
  ['CBC decrypt', 0.95, undefined],
  ['CBC encrypt', 1, 0.78],
  ['CFB encrypt', 1, 0.78],
  ['OFB encrypt', 1, 0.78],
  ['GCM encrypt', 1.6, 1.3],
];
export const openSslKernels: readonly string[] = openSslFloors.map(([kernel]) => kernel);

const target = 'performance targets 1: core against OpenSSL without AES instructions';
const slotTarget = 'performance targets 1: one-shot calls with the key slot loaded, against node:crypto';
const acceleratorTarget = 'performance targets 2: never slower than 0.9 of the better of the two at any size';

/** Bytes → least speed beside node:crypto's whole one-shot call. */
export const slotLeast: ReadonlyMap<number, number> = new Map([[16, 12], [1024, 1]]);
export const slotKernels: readonly string[] = ['ECB encrypt', 'ECB decrypt', 'CBC encrypt', 'CBC decrypt', 'CFB encrypt', 'CFB decrypt', 'OFB encrypt', 'CTR encrypt', 'GCM encrypt', 'GCM decrypt'];

export function openSslName(kernel: string, bytes: number, build: CoreBuild): string {
  return `${kernel}, ${bytes} B, ${build}, to OpenSSL`;
}

export function slotName(kernel: string, bytes: number): string {
  return `${kernel}, ${bytes} B, slot, to node:crypto`;
}

export function acceleratorName(kernel: string): string {
  return `${kernel}, auto, to the better of both`;
}

export function timingName(target: string, build: CoreBuild): string {
  return `timing, ${target}, ${build}`;
}

export const coreFloors: readonly Floor[] = [
  ...openSslFloors.flatMap(([kernel, relaxed, strict]) =>
    openSslSizes.flatMap((bytes): Floor[] => [
      ...(relaxed === undefined ? [] : [{ name: openSslName(kernel, bytes, 'relaxed'), least: relaxed, source: target }]),
      ...(strict === undefined ? [] : [{ name: openSslName(kernel, bytes, 'strict'), least: strict, source: target }]),
    ]),
  ),
  ...[...slotLeast].flatMap(([bytes, least]) => slotKernels.map((kernel) => ({ name: slotName(kernel, bytes), least, source: slotTarget }))),
  ...slotKernels.map((kernel) => ({ name: acceleratorName(kernel), least: 0.9, source: acceleratorTarget })),
  ...(['relaxed', 'strict'] as const).flatMap((build) => timingTargets(build).map(({ name }) => ({ name: timingName(name, build), least: 1, source: 'the bound of t beyond which dudect is sure of a leak, to |t|' }))),
];
