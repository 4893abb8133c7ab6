/**
 * A small key manager for the simulator: objects with a life cycle, a revision and counted uses. Planning is what operations do,
 * applying is what the store does; both are as plain as can be, so that the checker can know what has to come out.
 */
export type LifeState = 'pre-active' | 'active' | 'deactivated' | 'destroyed';

export interface SimObject {
  readonly id: string;
  readonly state: LifeState;
  readonly revision: number;
  /** Uses left to be granted to nodes. */
  readonly left: number;
  /** Sequence of the entry that changed it last; where it was planned and is not applied yet, infinite. */
  readonly touched: number;
}

export type Change = 'create' | 'activate' | 'revoke' | 'destroy' | 'modify' | 'grant';

export interface Command {
  readonly change: Change;
  readonly id: string;
  /** Uses that a grant asks for, or that a new object has. */
  readonly units: number;
}

export interface CommandResult {
  readonly done: boolean;
  /** What the command found or left: 0 and 'absent' where there is no object. */
  readonly revision: number;
  readonly state: LifeState | 'absent';
  readonly units: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function toBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

export function fromBytes<T>(bytes: Uint8Array): T {
  return JSON.parse(decoder.decode(bytes)) as T;
}

const allowedFrom: Readonly<Record<Exclude<Change, 'create'>, readonly LifeState[]>> = {
  activate: ['pre-active'],
  revoke: ['pre-active', 'active'],
  destroy: ['pre-active', 'deactivated'],
  modify: ['pre-active', 'active', 'deactivated', 'destroyed'],
  grant: ['active'],
};

const leadsTo: Readonly<Partial<Record<Change, LifeState>>> = { activate: 'active', revoke: 'deactivated', destroy: 'destroyed' };

/** What the command does to the object: the one definition that planner and checker share. */
export function decide(before: Pick<SimObject, 'state' | 'revision' | 'left'> | undefined, command: Command): { readonly result: CommandResult; readonly after: Omit<SimObject, 'touched' | 'id'> | undefined } {
  const { change, units } = command;
  if (change === 'create') {
    if (before !== undefined) return { result: { done: false, revision: before.revision, state: before.state, units: 0 }, after: undefined };
    return { result: { done: true, revision: 1, state: 'pre-active', units: 0 }, after: { state: 'pre-active', revision: 1, left: units } };
  }
  if (before === undefined) return { result: { done: false, revision: 0, state: 'absent', units: 0 }, after: undefined };
  const granted = change === 'grant' ? Math.min(units, before.left) : 0;
  if (!allowedFrom[change].includes(before.state) || (change === 'grant' && granted === 0)) {
    return { result: { done: false, revision: before.revision, state: before.state, units: 0 }, after: undefined };
  }
  const after = { state: leadsTo[change] ?? before.state, revision: before.revision + 1, left: before.left - granted };
  return { result: { done: true, revision: after.revision, state: after.state, units: granted }, after };
}
