/**
 * The life cycle of a managed object: which state it is in at a given second, and what that state lets it be used for
 * (KMIP 1.4 §3.22 to §3.30, KMIP 2.1 §4.57; the states are those of SP 800-57-1).
 *
 *     Pre-Active ──Activation Date, Activate──> Active ──Deactivation Date, Revoke──> Deactivated
 *         │  └────────────Revoke (compromise)──────┼──────────────────────────────────────┤
 *         │                                        v                                      │
 *         │                                   Compromised <───────────────────────────────┘
 *         └──Destroy──> Destroyed  <──Destroy── Deactivated;   Compromised ──Destroy──> Destroyed Compromised
 *
 * Invariant: dates drive the state and nothing has to run when one is reached: the stored State is the one of the last
 * mutation, and everybody asks here for the state that holds now. A date is reached at its own second, not one later.
 */
import type { AttributeName, AttributeTypes } from './attribute-table.ts';
import type { StoredInstance } from './attributes.ts';
import { RevocationReasonCode, State, enumerationValueName } from './enums.ts';
import { attributeOf } from './managed.ts';
import type { Managed } from './managed.ts';
import { KmipError } from './result.ts';

/** The dates that a client may give, in the order they have to keep. */
export const datesInOrder = ['ActivationDate', 'ProcessStartDate', 'ProtectStopDate', 'DeactivationDate'] as const;

export type LifeCycleDate = (typeof datesInOrder)[number];

/** State at `now` (seconds since the epoch). */
export function effectiveState(managed: Managed, now: number): number {
  return stateByDates(attributeOf(managed, 'State') ?? State.PreActive, attributeOf(managed, 'ActivationDate'), attributeOf(managed, 'DeactivationDate'), now);
}

/** State that a stored state has become by its dates; also what a new object starts with. */
export function stateByDates(stored: number, activationDate: number | undefined, deactivationDate: number | undefined, now: number): number {
  let state = stored;
  if (state === State.PreActive && activationDate !== undefined && activationDate <= now) state = State.Active;
  if (state === State.Active && deactivationDate !== undefined && deactivationDate <= now) state = State.Deactivated;
  return state;
}

export function isDestroyed(state: number): boolean {
  return state === State.Destroyed || state === State.DestroyedCompromised;
}

export function isCompromiseReason(code: number): boolean {
  return code === RevocationReasonCode.KeyCompromise || code === RevocationReasonCode.CACompromise;
}

/** `Pre-Active`, as a message to a person says it. */
export function stateTitle(state: number): string {
  switch (state) {
    case State.PreActive:
      return 'Pre-Active';
    case State.DestroyedCompromised:
      return 'Destroyed Compromised';
    default:
      return enumerationValueName('State', state) ?? `state ${state}`;
  }
}

/** Throws unless the object may be used now to protect: encrypt, wrap, sign, make a MAC. */
export function requireProtecting(managed: Managed, now: number): void {
  const state = effectiveState(managed, now);
  if (state !== State.Active) throw wrongState(managed, state, 'to protect data it has to be Active');
  const stop = attributeOf(managed, 'ProtectStopDate');
  if (stop !== undefined && stop <= now) throw wrongDate(managed, 'Protect Stop Date', stop, 'has been reached');
}

/**
 * Throws unless the object may be used now to process what is protected: decrypt, unwrap, verify. Deactivated and
 * Compromised keys may: what they once protected has to stay readable, and the scope that owns the key decides.
 */
export function requireProcessing(managed: Managed, now: number): void {
  const state = effectiveState(managed, now);
  if (state !== State.Active && state !== State.Deactivated && state !== State.Compromised) {
    throw wrongState(managed, state, 'to process data it has to be Active, Deactivated or Compromised');
  }
  const start = attributeOf(managed, 'ProcessStartDate');
  if (start !== undefined && start > now) throw wrongDate(managed, 'Process Start Date', start, 'has not been reached');
}

/**
 * Throws when the dates contradict each other: Activation ≤ Process Start ≤ Protect Stop ≤ Deactivation, each where
 * it is there (KMIP 1.4 §3.25 and §3.26).
 */
export function requireDateOrder(dates: { readonly [Name in LifeCycleDate]?: number }): void {
  let earlier: LifeCycleDate | undefined;
  for (const name of datesInOrder) {
    const value = dates[name];
    if (value === undefined) continue;
    if (earlier !== undefined && value < dates[earlier]!) {
      throw new KmipError('InvalidAttributeValue', `${dateTitle(name)} ${dateText(value)} lies before ${dateTitle(earlier)} ${dateText(dates[earlier]!)}`);
    }
    earlier = name;
  }
}

/** Error for an operation that the object's state forbids (1.x: Permission Denied). */
export function wrongState(managed: Managed, state: number, wanted: string): KmipError {
  return new KmipError('WrongKeyLifecycleState', `object ${managed.uniqueIdentifier} is ${stateTitle(state)}; ${wanted}`);
}

/** A single-valued attribute as a mutation holds it. */
export function only<Name extends AttributeName>(name: Name, value: AttributeTypes[Name]): { readonly name: Name; readonly instances: readonly StoredInstance[] } {
  return { name, instances: [{ index: 0, value }] };
}

function wrongDate(managed: Managed, title: string, date: number, what: string): KmipError {
  return new KmipError('WrongKeyLifecycleState', `${title} ${dateText(date)} of object ${managed.uniqueIdentifier} ${what}`);
}

function dateTitle(name: LifeCycleDate): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
}

function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().replace('.000Z', 'Z');
}
