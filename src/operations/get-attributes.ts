/**
 * A client wants to know attributes of an object: those it names, or all that its protocol version has. Nothing changes. An
 * attribute that the object lacks, or that nobody knows, is left out of the answer; it fails when a name comes twice.
 *
 * KMIP 1.4 §4.12 and §11.13, KMIP 2.1 §6.1.20. The answer keeps the order of the request, since some clients read the
 * first attribute only, and holds nothing that the request did not name.
 *
 *     request   Unique Identifier "6f1c…", Attribute Name "State"
 *     response  Unique Identifier "6f1c…", Attribute { "State", Active }
 */
import { versionHasAttribute } from '../kmip/attribute-table.ts';
import { KmipError } from '../kmip/result.ts';
import { attributeNames, attributeSet, identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import { attributeTitle } from './attribute-rules.ts';
import { asInstances, shownInstances, shownNames } from './attribute-view.ts';
import { operation } from './operation.ts';

export const getAttributes = operation({
  name: 'GetAttributes',
  code: 11,
  since: 10,
  effect: 'reads',
  permission: 'operation_get_attributes',
  request: structure('RequestPayload', {
    uniqueIdentifier: optional(identifier),
    attributeNames: optional(attributeNames, { doc: 'None: every attribute.' }),
  }),
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    attributes: required(attributeSet('repeated')),
  }),
  reasons: ['ObjectNotFound', 'InvalidMessage', 'InvalidField'],
  plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const asked = request.attributeNames ?? [];
    const twice = asked.find((name, index) => asked.indexOf(name) !== index);
    // Table 339 says Invalid Message; the OASIS Test Cases 1.1 (§17.1) answer Invalid Field, and 1.0 has no word on it.
    if (twice !== undefined) throw new KmipError(context.version < 13 ? 'InvalidField' : 'InvalidMessage', `${attributeTitle(twice)} is asked for more than once`);
    const names = asked.length === 0 ? shownNames(managed, context.version, context.now) : asked.filter((name) => versionHasAttribute(name, context.version));
    const attributes = names.flatMap((name) => asInstances(name, shownInstances(managed, name, context.now)));
    return { response: { uniqueIdentifier: managed.uniqueIdentifier, attributes } };
  },
});
