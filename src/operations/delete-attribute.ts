/**
 * A client wants a value of an attribute gone. It is removed, Last Change Date says when. It fails for attributes that an
 * object always has or that clients may not delete, and when there is no such value.
 *
 * KMIP 1.4 §4.16 and §11.17, KMIP 2.1 §6.1.13. 1.x names one value by Attribute Index, 0 when absent; 2.x by Current
 * Attribute, or all values of the attribute by an Attribute Reference.
 *
 *     request   Unique Identifier "6f1c…", Attribute Name "x-Vendor"
 *     response  Unique Identifier "6f1c…", Attribute { "x-Vendor", "VMware, Inc." }       (2.x: Unique Identifier only)
 */
import type { StoredInstance } from '../kmip/attributes.ts';
import { attributeRule } from '../kmip/attribute-table.ts';
import { KmipError } from '../kmip/result.ts';
import { attributeNames, attributeSet, identifier, integer, optional, required, structure, textString } from '../kmip/schema.ts';
import type { Infer } from '../kmip/schema.ts';
import { attributeTitle } from './attribute-rules.ts';
import { editReasons, edited, instanceOf, readOnly, storedInstances, theAttribute } from './attribute-edit.ts';
import { shownInstances } from './attribute-view.ts';
import { operation } from './operation.ts';

const request = structure('RequestPayload', {
  uniqueIdentifier: optional(identifier),
  currentAttribute: optional(attributeSet('single', { v1: 'CurrentAttribute', v2: 'CurrentAttribute', omitEmpty: true }), { since: 20, doc: 'The value to delete.' }),
  attributeNames: optional(attributeNames, { doc: 'The attribute; in 2.x all its values.' }),
  attributeIndex: optional(integer, { until: 14, doc: 'Which value; 0 when absent.' }),
});

export const deleteAttribute = operation({
  name: 'DeleteAttribute',
  code: 15,
  since: 10,
  effect: 'mutates',
  permission: 'operation_delete_attribute',
  request,
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    attribute: optional(attributeSet('single'), { until: 14, doc: 'The attribute that is gone.' }),
  }),
  reasons: [...editReasons, 'AttributeNotFound', 'AttributeInstanceNotFound'],
  async plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const { uniqueIdentifier } = managed;
    const name = nameOf(request);
    const instances = storedInstances(managed, name);
    const rule = attributeRule(name);
    const isThere = instances.length > 0 || shownInstances(managed, name, context.now).length > 0;
    if (!isThere || rule === undefined) throw new KmipError('AttributeNotFound', `the object has no ${attributeTitle(name)}`);
    if (rule.alwaysHasValue || !rule.deletableByClient) throw readOnly(name, 'AttributeReadOnly', 'cannot be deleted by a client');
    const deleted = doomed(name, instances, request, context.version);
    const mutations = await edited(context, managed, name, instances.filter((each) => !deleted.includes(each)));
    return { response: { uniqueIdentifier, attribute: [{ name, ...deleted[0]! }] }, mutations };
  },
});

function nameOf({ currentAttribute, attributeNames = [] }: Infer<typeof request>): string {
  if (currentAttribute !== undefined) return theAttribute(currentAttribute).name;
  const [name] = attributeNames;
  if (name === undefined || attributeNames.length > 1) throw new KmipError('InvalidField', `the request names ${attributeNames.length} attributes; the operation takes exactly one`);
  return name;
}

/** The instances to remove, at least one. */
function doomed(name: string, instances: readonly StoredInstance[], { currentAttribute, attributeIndex }: Infer<typeof request>, version: number): readonly StoredInstance[] {
  if (currentAttribute !== undefined) {
    const found = instanceOf(name, instances, theAttribute(currentAttribute).value);
    if (found === undefined) throw new KmipError('AttributeInstanceNotFound', `the object has no ${attributeTitle(name)} of the value that Current Attribute gives`);
    return [found];
  }
  if (version >= 20) return instances;
  const found = instances.find((each) => each.index === (attributeIndex ?? 0));
  if (found === undefined) throw new KmipError('AttributeInstanceNotFound', `${attributeTitle(name)} has no value of Attribute Index ${attributeIndex ?? 0}`);
  return [found];
}
