/**
 * A client wants another value for an attribute that an object has. The value is changed, Last Change Date says when. It
 * fails for attributes that clients may not change or not in the object's state, and when there is no such value.
 *
 * KMIP 1.4 §4.15 and §11.16, KMIP 2.1 §6.1.34. 1.x names the value by Attribute Index, 0 when absent; 2.x by Current
 * Attribute, which may be left out where the attribute has one value.
 *
 *     request   Unique Identifier "6f1c…", Attribute { "Name", { "volume-7", Uninterpreted Text String } }
 *     response  Unique Identifier "6f1c…", Attribute { "Name", { "volume-7", … } }        (2.x: Unique Identifier only)
 */
import { attributeRule } from '../kmip/attribute-table.ts';
import type { AttributeInstance, StoredInstance } from '../kmip/attributes.ts';
import { KmipError } from '../kmip/result.ts';
import { attributeSet, identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import { firstAttributesVersion } from '../kmip/version.ts';
import { attributeTitle } from './attribute-rules.ts';
import { editReasons, edited, instanceOf, readOnly, replaced, storedInstances, theAttribute } from './attribute-edit.ts';
import type { Context } from './context.ts';
import { operation } from './operation.ts';

export const modifyAttribute = operation({
  name: 'ModifyAttribute',
  code: 14,
  since: 10,
  effect: 'mutates',
  permission: 'operation_modify_attribute',
  request: structure('RequestPayload', {
    uniqueIdentifier: optional(identifier),
    currentAttribute: optional(attributeSet('single', { v1: 'CurrentAttribute', v2: 'CurrentAttribute', omitEmpty: true }), { since: 20, doc: 'The value to change, where there are several.' }),
    newAttribute: required(attributeSet('single', { v1: 'Attribute', v2: 'NewAttribute' })),
  }),
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    attribute: optional(attributeSet('single'), { until: 14, doc: 'The attribute with its new value.' }),
  }),
  reasons: [...editReasons, 'AttributeNotFound', 'AttributeInstanceNotFound'],
  async plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const { uniqueIdentifier } = managed;
    const attribute = theAttribute(request.newAttribute);
    const { name, value } = attribute;
    const instances = storedInstances(managed, name);
    // What nobody knows, or such an object cannot have, does not exist on it (Table 342; KMIP 2.1 Table 267 has no Invalid Attribute).
    if (attributeRule(name)?.modifiableByClient === false) throw readOnly(name, 'AttributeReadOnly', 'cannot be changed by a client');
    if (instances.length === 0) throw new KmipError('AttributeNotFound', `the object has no ${attributeTitle(name)}; Add Attribute gives it one`, 'InvalidField');
    const current = request.currentAttribute === undefined ? undefined : theAttribute(request.currentAttribute);
    const [after, changed] = replaced(context, name, instances, target(context, instances, attribute, current), value);
    const mutations = await edited(context, managed, name, after);
    return { response: { uniqueIdentifier, attribute: [{ name, ...changed }] }, mutations };
  },
});

function target(context: Context, instances: readonly StoredInstance[], { name, index }: AttributeInstance, current: AttributeInstance | undefined): StoredInstance {
  const title = attributeTitle(name);
  if (current !== undefined) {
    if (current.name !== name) throw new KmipError('InvalidField', `Current Attribute is ${attributeTitle(current.name)} and New Attribute ${title}`);
    const found = instanceOf(name, instances, current.value);
    if (found === undefined) throw new KmipError('AttributeInstanceNotFound', `the object has no ${title} of the value that Current Attribute gives`);
    return found;
  }
  if (context.version >= firstAttributesVersion && instances.length > 1) {
    throw new KmipError('AttributeInstanceNotFound', `${title} has ${instances.length} values; Current Attribute has to say which one`);
  }
  const found = context.version >= firstAttributesVersion ? instances[0] : instances.find((each) => each.index === (index ?? 0));
  if (found === undefined) throw new KmipError('AttributeInstanceNotFound', `${title} has no value of Attribute Index ${index ?? 0}`);
  return found;
}
