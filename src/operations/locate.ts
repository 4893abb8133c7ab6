/**
 * A client wants the identifiers of the objects that have certain attributes. Nothing changes; a single identifier goes into
 * the ID Placeholder, and after several it is empty. It fails for a filter that is no attribute; finding nothing is no failure.
 *
 * KMIP 1.4 §4.9 and §11.10, KMIP 2.1 §6.1.28. Order: 1.4 and later newest first, as 2.1 demands and the OASIS cases of
 * 1.4 have it; before that oldest first, as theirs. Located Items is answered to requests that page by Offset Items, from
 * 1.3 on: older clients fail on it.
 *
 *     request   Maximum Items 1, Attribute { "Object Type", Symmetric Key }, Attribute { "Name", { "backup", … } }
 *     response  Unique Identifier "6f1c…"
 */
import { ObjectGroupMember } from '../kmip/enums.ts';
import { ItemType } from '../kmip/item-types.ts';
import { attributeOf } from '../kmip/managed.ts';
import type { Managed } from '../kmip/managed.ts';
import { KmipError } from '../kmip/result.ts';
import { attributeSet, enumeration, integer, mask, optional, repeated, structure, textString } from '../kmip/schema.ts';
import type { Infer, TtlvNode } from '../kmip/schema.ts';
import { Tag } from '../kmip/tags.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { Context } from './context.ts';
import { filtersOf, isStored, matches, mayBeDestroyed, termsOf } from './locate-match.ts';
import type { Filter } from './locate-match.ts';
import { operation } from './operation.ts';

/** Identifiers in one answer when the client sets no limit: 3 MiB of them. The rest is had by Offset Items. */
export const locatedMax = 65_536;

/** Server's attribute on members of a group that is served in turn: the number of the turn in which it was served last. */
const turnAttribute = 'y-Object Group Turn';

const request = structure('RequestPayload', {
  maximumItems: optional(integer, { doc: 'Identifiers in the answer at most.' }),
  offsetItems: optional(integer, { since: 13, doc: 'Matches to pass over first.' }),
  storageStatusMask: optional(mask('StorageStatusMask'), { doc: 'On-line objects when absent.' }),
  objectGroupMember: optional(enumeration('ObjectGroupMember'), { since: 11, doc: 'Fresh: not served yet. Default: members in turn.' }),
  attributes: optional(attributeSet('repeated', { partial: true }), { doc: 'What the objects have to have.' }),
});
type LocateRequest = Infer<typeof request>;

export const locate = operation({
  name: 'Locate',
  code: 8,
  since: 10,
  effect: 'reads',
  permission: 'operation_locate',
  request,
  response: structure('ResponsePayload', {
    locatedItems: optional(integer, { since: 13, doc: 'All matches, also those that are not in the answer.' }),
    uniqueIdentifier: repeated(textString),
  }),
  reasons: ['InvalidAttribute', 'InvalidField', 'ObjectNotFound'],
  async plan(context, request) {
    const { maximumItems, offsetItems } = request;
    if ((maximumItems ?? 0) < 0) throw new KmipError('InvalidField', `Maximum Items ${maximumItems}; it cannot be negative`);
    if ((offsetItems ?? 0) < 0) throw new KmipError('InvalidField', `Offset Items ${offsetItems}; it cannot be negative`);
    const filters = filtersOf(context, request.attributes ?? []);
    if (request.objectGroupMember === ObjectGroupMember.GroupMemberDefault) return planTurn(context, request, filters);
    const { found, count } = await located(context, request, filters);
    return {
      response: { uniqueIdentifier: found, ...(offsetItems === undefined ? {} : { locatedItems: count }) },
      placeholder: found.length === 1 && (count === 1 || maximumItems === 1) ? found[0] : undefined,
    };
  },
});

/**
 * The page of matches that was asked for, in the order of the version, and how many there are. The walk goes on behind the page
 * only where the answer tells the count: nobody else needs a million objects to be looked at.
 */
async function located(context: Context, request: LocateRequest, filters: readonly Filter[]): Promise<{ found: readonly string[]; count: number }> {
  const isFresh = request.objectGroupMember === ObjectGroupMember.GroupMemberFresh;
  const first = request.offsetItems ?? 0;
  const end = first + Math.min(request.maximumItems ?? locatedMax, locatedMax);
  const isCounted = request.offsetItems !== undefined;
  const found: string[] = [];
  let count = 0;
  if (!isCounted && end === 0) return { found, count };
  // Fresh objects are a stock, served in the order they were laid in.
  for await (const managed of candidates(context, request, filters, context.version >= 14 && !isFresh)) {
    if (isFresh && attributeOf(managed, 'Fresh') !== true) continue;
    if (count >= first && count < end) found.push(managed.uniqueIdentifier);
    count += 1;
    if (count === end && !isCounted) break;
  }
  return { found, count };
}

async function* candidates(context: Context, { storageStatusMask }: LocateRequest, filters: readonly Filter[], newestFirst: boolean): AsyncIterable<Managed> {
  const isHeld = !mayBeDestroyed(storageStatusMask, filters, context);
  for await (const managed of context.view.candidates(termsOf(filters), { isHeld, newestFirst })) {
    if (isStored(managed, storageStatusMask, filters, context) && matches(managed, filters, context.now)) yield managed;
  }
}

/**
 * The default member of a group is the one served longest ago (OASIS TC-153): its turn is written down, so that every
 * node serves the next one next.
 */
async function planTurn(context: Context, request: LocateRequest, filters: readonly Filter[]): Promise<ReturnType<typeof turnTaken>> {
  if (!context.mayMutate) context.needsPrimary();
  let next: Managed | undefined;
  let latest = 0;
  for await (const managed of candidates(context, request, filters, false)) {
    latest = Math.max(latest, turnOf(managed));
    if (next === undefined || turnOf(managed) < turnOf(next)) next = managed;
  }
  return turnTaken(request.maximumItems === 0 ? undefined : next, latest + 1);
}

function turnTaken(managed: Managed | undefined, turn: number): { response: { uniqueIdentifier: string[] }; mutations: readonly Mutation[]; placeholder: string | undefined } {
  if (managed === undefined) return { response: { uniqueIdentifier: [] }, mutations: [], placeholder: undefined };
  const { scope, uniqueIdentifier } = managed;
  const value: TtlvNode = { tag: Tag.AttributeValue, type: ItemType.LongInteger, value: BigInt(turn) };
  return {
    response: { uniqueIdentifier: [uniqueIdentifier] },
    mutations: [{ kind: 'attributes-changed', scope, uniqueIdentifier, changes: [{ name: turnAttribute, instances: [{ index: 0, value }] }] }],
    placeholder: uniqueIdentifier,
  };
}

/** 0 for a member that was never served. */
function turnOf(managed: Managed): number {
  const item = managed.attributes.get(turnAttribute)?.[0]?.value as TtlvNode | undefined;
  return item === undefined ? 0 : Number(item.value);
}
