/**
 * Floors: least ratios to a rival that a bench promises, as data beside what was measured in the same run.
 *
 * Invariant: a floor that could not be measured (no rival on this machine) is neither held nor missed, and is named.
 */
export interface Floor {
  /** What is compared, as the table names it. */
  readonly name: string;
  /** Ours to the rival's, more is better. */
  readonly least: number;
  /** Where the number comes from. */
  readonly source: string;
  /** Rests on a few single events: one that another process gets in the way of is no fault in a smoke run. */
  readonly isRare?: boolean;
}

export interface JudgedFloor extends Floor {
  /** NaN: not measured. */
  readonly ratio: number;
}

/** A smoke run on a busy machine is no measurement; only what falls below this share of a floor is a fault. */
export const wideMargin = 0.25;

export function held({ ratio, least }: JudgedFloor): boolean {
  return ratio >= least;
}

export function judge(floors: readonly Floor[], ratios: ReadonlyMap<string, number>): JudgedFloor[] {
  return floors.map((floor) => ({ ...floor, ratio: ratios.get(floor.name) ?? Number.NaN }));
}

/** The lines that end a report: each floor that is missed or unmeasured, then the count. */
export function floorLines(floors: readonly JudgedFloor[]): string[] {
  const measured = floors.filter(({ ratio }) => !Number.isNaN(ratio));
  const missed = measured.filter((floor) => !held(floor));
  return [
    ...missed.map(({ name, ratio, least, source }) => `missed: ${name}: ${ratio.toFixed(2)}, floor ${least} (${source})`),
    ...(measured.length < floors.length ? [`not measured: ${floors.filter(({ ratio }) => Number.isNaN(ratio)).map(({ name }) => name).join('; ')}`] : []),
    `floors: ${measured.length - missed.length} held, ${missed.length} missed`,
  ];
}

export function fallsFar(floors: readonly JudgedFloor[]): boolean {
  return floors.some(({ ratio, least, isRare }) => isRare !== true && ratio < least * wideMargin);
}
