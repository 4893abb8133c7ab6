/**
 * A client wants an object to have an attribute it lacks, or one more value of an attribute that takes several. The value is
 * stored, Last Change Date says when. It fails for attributes that the server sets, for a second value where there is one
 * only, and for a Name that is in use.
 *
 * KMIP 1.4 §4.14 and §11.15, KMIP 2.1 §6.1.2. An Attribute Index of 0 is taken (some clients always send it), another one not.
 *
 *     request   Unique Identifier "6f1c…", Attribute { "x-Vendor", "VMware, Inc." }
 *     response  Unique Identifier "6f1c…", Attribute { "x-Vendor", "VMware, Inc." }       (2.x: Unique Identifier only)
 */
import { KmipError } from '../kmip/result.ts';
import { attributeSet, identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import { attributeTitle } from './attribute-rules.ts';
import { appended, editReasons, edited, requireAddable, storedInstances, theAttribute } from './attribute-edit.ts';
import { operation } from './operation.ts';

export const addAttribute = operation({
  name: 'AddAttribute',
  code: 13,
  since: 10,
  effect: 'mutates',
  permission: 'operation_add_attribute',
  request: structure('RequestPayload', {
    uniqueIdentifier: optional(identifier),
    newAttribute: required(attributeSet('single', { v1: 'Attribute', v2: 'NewAttribute' })),
  }),
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    attribute: optional(attributeSet('single'), { until: 14, doc: 'The attribute with its index.' }),
  }),
  reasons: [...editReasons, 'AttributeSingleValued'],
  async plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const { uniqueIdentifier, objectType } = managed;
    const { name, index, value } = theAttribute(request.newAttribute);
    const rule = requireAddable(name, objectType, 'ReadOnlyAttribute');
    if (index !== undefined && index !== 0) throw new KmipError('InvalidField', `Attribute Index ${index}: the server chooses the index of a new value`);
    const instances = storedInstances(managed, name);
    if (instances.length > 0 && !rule.multiple) throw new KmipError('AttributeSingleValued', `${attributeTitle(name)} is set already; Modify Attribute changes it`, 'IllegalOperation');
    const [after, added] = appended(context, name, instances, value);
    const mutations = await edited(context, managed, name, after);
    return { response: { uniqueIdentifier, attribute: [{ name, ...added }] }, mutations };
  },
});
