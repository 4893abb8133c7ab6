/**
 * A client wants an object's material gone for ever. The material is destroyed, the attributes stay; a Compromised object
 * becomes Destroyed Compromised, any other Destroyed. It fails while the object is Active, and when it is destroyed already.
 *
 * KMIP 1.4 §4.21 and §11.22, KMIP 2.1 §6.1.15.
 *
 *     request   Unique Identifier "6f1c…"        (absent: the ID Placeholder)
 *     response  Unique Identifier "6f1c…"
 */
import { State } from '../kmip/enums.ts';
import { effectiveState, isDestroyed, only, wrongState } from '../kmip/life-cycle.ts';
import { KmipError } from '../kmip/result.ts';
import { identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import { operation } from './operation.ts';

export const destroy = operation({
  name: 'Destroy',
  code: 20,
  since: 10,
  effect: 'mutates',
  permission: 'operation_destroy',
  request: structure('RequestPayload', { uniqueIdentifier: optional(identifier) }),
  response: structure('ResponsePayload', { uniqueIdentifier: required(textString) }),
  reasons: ['ObjectNotFound', 'ObjectDestroyed', 'WrongKeyLifecycleState'],
  plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const { scope, uniqueIdentifier } = managed;
    const state = effectiveState(managed, context.now);
    if (isDestroyed(state)) throw new KmipError('ObjectDestroyed', `object ${uniqueIdentifier} has been destroyed already`, 'PermissionDenied');
    if (state === State.Active) throw wrongState(managed, state, 'revoke it before destroying it');
    const destroyed = state === State.Compromised ? State.DestroyedCompromised : State.Destroyed;
    const changes = [only('State', destroyed), only('DestroyDate', context.now), only('LastChangeDate', context.now)];
    return {
      response: { uniqueIdentifier },
      mutations: [
        { kind: 'attributes-changed', scope, uniqueIdentifier, changes },
        { kind: 'material-destroyed', scope, uniqueIdentifier },
      ],
    };
  },
});
