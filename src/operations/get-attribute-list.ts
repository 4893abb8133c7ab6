/**
 * A client wants to know which attributes an object has. Nothing changes. The names of all that the request's protocol
 * version has are answered; it fails only when the object does not exist.
 *
 * KMIP 1.4 §4.13 and §11.14, KMIP 2.1 §6.1.21.
 *
 *     request   Unique Identifier "6f1c…"        (absent: the ID Placeholder)
 *     response  Unique Identifier "6f1c…", Attribute Name "Unique Identifier", Attribute Name "Object Type", …
 */
import { attributeNames, identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import { shownNames } from './attribute-view.ts';
import { operation } from './operation.ts';

export const getAttributeList = operation({
  name: 'GetAttributeList',
  code: 12,
  since: 10,
  effect: 'reads',
  permission: 'operation_get_attribute_list',
  request: structure('RequestPayload', { uniqueIdentifier: optional(identifier) }),
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    attributeNames: required(attributeNames),
  }),
  reasons: ['ObjectNotFound'],
  plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    return { response: { uniqueIdentifier: managed.uniqueIdentifier, attributeNames: shownNames(managed, context.version, context.now) } };
  },
});
