/**
 * A client wants an attribute to have a value, whether the object had one before or not. The value is added, or takes the
 * place of the one there was. It fails for attributes that clients may not give or change, and where there are several values.
 *
 * KMIP 2.1 §6.1.51.
 *
 *     request   Unique Identifier "6f1c…", New Attribute { Sensitive true }
 *     response  Unique Identifier "6f1c…"
 */
import { KmipError } from '../kmip/result.ts';
import { attributeSet, identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import { attributeTitle } from './attribute-rules.ts';
import { appended, editReasons, edited, replaced, requireAddable, requireModifiable, storedInstances, theAttribute } from './attribute-edit.ts';
import { operation } from './operation.ts';

export const setAttribute = operation({
  name: 'SetAttribute',
  code: 49,
  since: 20,
  effect: 'mutates',
  permission: 'operation_set_attribute',
  request: structure('RequestPayload', {
    uniqueIdentifier: optional(identifier),
    newAttribute: required(attributeSet('single', { v1: 'Attribute', v2: 'NewAttribute' })),
  }),
  response: structure('ResponsePayload', { uniqueIdentifier: required(textString) }),
  reasons: [...editReasons, 'MultiValuedAttribute'],
  async plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const { uniqueIdentifier, objectType } = managed;
    const { name, value } = theAttribute(request.newAttribute);
    const instances = storedInstances(managed, name);
    if (instances.length > 1) throw new KmipError('MultiValuedAttribute', `${attributeTitle(name)} has ${instances.length} values; Modify Attribute changes one of them`);
    const [only] = instances;
    if (only === undefined) requireAddable(name, objectType, 'ReadOnlyAttribute');
    else requireModifiable(name, objectType, 'ReadOnlyAttribute');
    const [after] = only === undefined ? appended(context, name, instances, value) : replaced(context, name, instances, only, value);
    return { response: { uniqueIdentifier }, mutations: await edited(context, managed, name, after) };
  },
});
