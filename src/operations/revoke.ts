/**
 * A client wants an object out of use: it is compromised, replaced or no longer needed. Key Compromise and CA Compromise make it
 * Compromised (from any state; a Destroyed one becomes Destroyed Compromised), every other reason makes it Deactivated. It fails
 * for another reason on an object that is Compromised or destroyed, and for a Compromise Occurrence Date without a compromise.
 *
 * KMIP 1.4 §4.20 and §11.21, KMIP 2.1 §6.1.44.
 *
 *     request   Unique Identifier "6f1c…", Revocation Reason { Revocation Reason Code Key Compromise }
 *     response  Unique Identifier "6f1c…"
 *
 * The state figure has no way from Pre-Active to Deactivated, the clause's text has; clients revoke keys that they
 * never activated, so the text is followed. Revoking again for the same effect succeeds: a client that lost the first
 * answer asks twice.
 */
import type { AttributeChange } from '../storage/mutation.ts';
import { State } from '../kmip/enums.ts';
import { effectiveState, isCompromiseReason, isDestroyed, only, wrongState } from '../kmip/life-cycle.ts';
import { attributeOf } from '../kmip/managed.ts';
import type { Managed } from '../kmip/managed.ts';
import { revocationReason } from '../kmip/objects.ts';
import type { RevocationReason } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import { dateTime, identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import { operation } from './operation.ts';

export const revoke = operation({
  name: 'Revoke',
  code: 19,
  since: 10,
  effect: 'mutates',
  permission: 'operation_revoke',
  request: structure('RequestPayload', {
    uniqueIdentifier: optional(identifier),
    revocationReason: required(revocationReason),
    compromiseOccurrenceDate: optional(dateTime, { doc: 'When the compromise is believed to have begun; with a compromise reason only.' }),
  }),
  response: structure('ResponsePayload', { uniqueIdentifier: required(textString) }),
  reasons: ['ObjectNotFound', 'WrongKeyLifecycleState', 'InvalidField'],
  plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const { scope, uniqueIdentifier } = managed;
    const reason = request.revocationReason;
    const occurrence = request.compromiseOccurrenceDate;
    const compromised = isCompromiseReason(reason.revocationReasonCode);
    if (!compromised && occurrence !== undefined) {
      throw new KmipError('InvalidField', 'Compromise Occurrence Date goes with Key Compromise and CA Compromise only');
    }
    if (occurrence !== undefined && occurrence > context.now) throw new KmipError('InvalidField', 'Compromise Occurrence Date lies in the future');
    const changes = compromised ? compromise(managed, reason, occurrence, context.now) : deactivate(managed, reason, context.now);
    if (changes.length === 0) return { response: { uniqueIdentifier } };
    return {
      response: { uniqueIdentifier },
      mutations: [{ kind: 'attributes-changed', scope, uniqueIdentifier, changes: [...changes, only('LastChangeDate', context.now)] }],
    };
  },
});

function compromise(managed: Managed, reason: RevocationReason, occurrence: number | undefined, now: number): AttributeChange[] {
  const state = effectiveState(managed, now);
  if (state === State.Compromised || state === State.DestroyedCompromised) return [];
  const began = occurrence ?? attributeOf(managed, 'InitialDate') ?? now;
  return [
    only('State', state === State.Destroyed ? State.DestroyedCompromised : State.Compromised),
    only('CompromiseDate', now),
    only('CompromiseOccurrenceDate', began),
    only('RevocationReason', reason),
  ];
}

function deactivate(managed: Managed, reason: RevocationReason, now: number): AttributeChange[] {
  const state = effectiveState(managed, now);
  if (state === State.Compromised || isDestroyed(state)) throw wrongState(managed, state, 'it can only be revoked for a compromise');
  // A date that has been reached says better when the object went out of use than the Revoke that came after.
  if (state === State.Deactivated) return attributeOf(managed, 'RevocationReason') === undefined ? [only('State', state), only('RevocationReason', reason)] : [];
  return [only('State', State.Deactivated), only('DeactivationDate', now), only('RevocationReason', reason)];
}
