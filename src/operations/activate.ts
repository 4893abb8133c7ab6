/**
 * A client wants a key to be usable. The object becomes Active now, and Activation Date says so. It fails when the object is
 * not Pre-Active any more, or when its Deactivation Date has been reached already.
 *
 * KMIP 1.4 §4.19 and §11.20, KMIP 2.1 §6.1.1.
 *
 *     request   Unique Identifier "6f1c…"        (absent: the ID Placeholder)
 *     response  Unique Identifier "6f1c…"
 */
import { attributeOf } from '../kmip/managed.ts';
import { State } from '../kmip/enums.ts';
import { effectiveState, only, wrongState } from '../kmip/life-cycle.ts';
import { identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import { operation } from './operation.ts';

export const activate = operation({
  name: 'Activate',
  code: 18,
  since: 10,
  effect: 'mutates',
  permission: 'operation_activate',
  request: structure('RequestPayload', { uniqueIdentifier: optional(identifier) }),
  response: structure('ResponsePayload', { uniqueIdentifier: required(textString) }),
  reasons: ['ObjectNotFound', 'WrongKeyLifecycleState'],
  plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const { scope, uniqueIdentifier } = managed;
    const state = effectiveState(managed, context.now);
    if (state !== State.PreActive) throw wrongState(managed, state, 'only a Pre-Active object can be activated');
    const deactivationDate = attributeOf(managed, 'DeactivationDate');
    if (deactivationDate !== undefined && deactivationDate <= context.now) {
      throw wrongState(managed, state, 'and it cannot be activated, since its Deactivation Date has been reached');
    }
    const changes = [only('State', State.Active), only('ActivationDate', context.now), only('LastChangeDate', context.now)];
    return { response: { uniqueIdentifier }, mutations: [{ kind: 'attributes-changed', scope, uniqueIdentifier, changes }] };
  },
});
