/**
 * The life cycle by dates: at the second before, at the second, and after.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { State } from '../../src/kmip/enums.ts';
import { effectiveState, requireDateOrder, requireProcessing, requireProtecting, stateByDates } from '../../src/kmip/life-cycle.ts';
import type { Managed } from '../../src/kmip/managed.ts';
import { KmipError } from '../../src/kmip/result.ts';

function managed(attributes: Record<string, number>): Managed {
  return { scope: 's', uniqueIdentifier: 'k', objectType: 2, revision: 1, attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, [{ index: 0, value }]])) };
}

test('dates move a state on at their own second', () => {
  const key = managed({ State: State.PreActive, ActivationDate: 100, DeactivationDate: 200 });
  for (const [now, state] of [[99, State.PreActive], [100, State.Active], [199, State.Active], [200, State.Deactivated]] as const) assert.equal(effectiveState(key, now), state);
});

test('states that an operation made are not undone by dates', () => {
  for (const state of [State.Deactivated, State.Compromised, State.Destroyed, State.DestroyedCompromised]) assert.equal(stateByDates(state, 0, 0, 1000), state);
});

test('a Deactivation Date alone does not end what never began', () => {
  assert.equal(stateByDates(State.PreActive, undefined, 5, 1000), State.PreActive);
});

test('a state only ever moves forward as time goes on', () => {
  const date = fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined });
  fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), date, date, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 5 }), (state, activation, deactivation, now, later) => {
    assert.ok(stateByDates(state, activation, deactivation, now + later) >= stateByDates(state, activation, deactivation, now));
    const settled = stateByDates(state, activation, deactivation, now);
    assert.equal(stateByDates(settled, activation, deactivation, now), settled);
  }));
});

test('what may protect may process, unless its Process Start Date is still to come', () => {
  const passes = (check: () => void): boolean => {
    try {
      check();
      return true;
    } catch (error) {
      assert.ok(error instanceof KmipError && error.reason === 'WrongKeyLifecycleState');
      return false;
    }
  };
  const date = fc.integer({ min: 0, max: 12 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), fc.array(fc.tuple(fc.constantFrom('ActivationDate', 'ProcessStartDate', 'ProtectStopDate', 'DeactivationDate'), date)), date, (state, dates, now) => {
    const key = managed({ State: state, ...Object.fromEntries(dates) });
    const start = key.attributes.get('ProcessStartDate')?.[0]?.value as number | undefined;
    if (passes(() => requireProtecting(key, now)) && (start === undefined || start <= now)) assert.ok(passes(() => requireProcessing(key, now)));
  }));
});

test('dates out of order are named', () => {
  requireDateOrder({});
  requireDateOrder({ ActivationDate: 5, ProcessStartDate: 5, ProtectStopDate: 5, DeactivationDate: 5 });
  assert.throws(() => requireDateOrder({ ActivationDate: 5, ProcessStartDate: 4 }), /Process Start Date 1970-01-01T00:00:04Z lies before Activation Date 1970-01-01T00:00:05Z/);
  assert.throws(() => requireDateOrder({ ProtectStopDate: 9, DeactivationDate: 8 }), KmipError);
  assert.throws(() => requireDateOrder({ ActivationDate: 9, DeactivationDate: 8 }), KmipError);
});
