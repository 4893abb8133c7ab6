/**
 * Which equalities the store can look up, and which it uses first.
 *
 * Invariant: every term that `queryTerms` offers for a query is among `termsOf` of each object that matches it, whatever dates
 * have done to the object since it was written. So the candidates of one query term are a superset of the matches.
 * Terms are texts; on disk only blind tokens of them stand (envelope.ts, decision 0004).
 *
 * A *held* term stands for a Name among objects that are not destroyed. Such a Name has one holder, save where Name Types
 * differ, so a store answers it by one point look-up; the dead that had the Name before are not walked.
 */
import { isCustomAttribute } from '../kmip/attribute-table.ts';
import { State } from '../kmip/enums.ts';
import { isDestroyed } from '../kmip/life-cycle.ts';
import type { TtlvNode } from '../kmip/schema.ts';
import type { Managed } from '../kmip/managed.ts';
import type { CandidateQuery } from './store.ts';

/** Every object of a scope has this one: a walk of the scope in creation order is a look-up like any other. */
export const everyObject = '*';

/** A longer text has no index of its own: it is looked up by other terms, so that a client's text never sizes our work. */
const indexedTextMax = 4096;

/** Most selective first; a custom attribute stands where `custom` does. */
const selectivity = [
  'Name', 'AlternativeName', 'ApplicationSpecificInformation', 'custom', 'Link', 'ContactInformation', 'ObjectGroup',
  'CryptographicLength', 'State', 'CryptographicAlgorithm', 'ObjectType',
] as const;

const heldMark = '@';
const nameStart = '4 Name ';
/** An object's terms are asked for when it is planned, written and replaced; objects never change. */
const knownTerms = new WeakMap<Managed, ReadonlySet<string>>();

export function isHeldTerm(term: string): boolean {
  return term.startsWith(heldMark);
}

/** The term that finds the destroyed ones as well. */
export function plainTerm(heldTerm: string): string {
  return heldTerm.slice(heldMark.length);
}

/** Whether the term is an object's own, by its Name: no other will ask for it soon. */
export function isNameTerm(term: string): boolean {
  return term.startsWith(heldMark) || term.startsWith(nameStart);
}

/** The texts under which an object is found. */
export function termsOf(managed: Managed): ReadonlySet<string> {
  const known = knownTerms.get(managed);
  if (known !== undefined) return known;
  const terms = new Set<string>([everyObject]);
  const isHeld = !isDestroyed((managed.attributes.get('State')?.[0]?.value as number | undefined) ?? State.PreActive);
  const add = (name: string, value: unknown): void => {
    const term = termOf(name, value, 'stored');
    if (term === undefined) return;
    terms.add(term);
    if (name === 'Name' && isHeld) terms.add(heldMark + term);
  };
  add('ObjectType', managed.objectType);
  managed.attributes.forEach((instances, name) => {
    if (rankOf(name) >= 0) for (const instance of instances) add(name, instance.value);
  });
  knownTerms.set(managed, terms);
  return terms;
}

/**
 * The terms of which a match has exactly one: alternatives of the most selective equality, or the walk of the scope.
 * Several only for State, which dates move on after it was stored.
 */
export function queryTerms({ terms, isHeld }: CandidateQuery): readonly string[] {
  let best: { rank: number; alternatives: readonly string[] } | undefined;
  for (const { name, value } of terms) {
    const rank = rankOf(name);
    if (rank < 0 || (best !== undefined && best.rank <= rank)) continue;
    const values = name === 'State' ? storedStates(value) : [value];
    const alternatives = values.map((alternative) => termOf(name, alternative, 'wanted'));
    if (!alternatives.every((alternative) => alternative !== undefined)) continue;
    best = { rank, alternatives: name === 'Name' && isHeld === true ? alternatives.map((term) => heldMark + term) : alternatives };
  }
  return best?.alternatives ?? [everyObject];
}

/** Stored states that can show as the wanted one once dates are counted in (KMIP 1.4 §3.22). */
function storedStates(wanted: unknown): readonly unknown[] {
  if (wanted === State.Active) return [State.PreActive, State.Active];
  if (wanted === State.Deactivated) return [State.PreActive, State.Active, State.Deactivated];
  return [wanted];
}

const ranks: ReadonlyMap<string, number> = new Map(selectivity.map((name, rank) => [name, rank]));

function rankOf(name: string): number {
  return ranks.get(isCustomAttribute(name) ? 'custom' : name) ?? -1;
}

/** Terms of numbers (states, algorithms, lengths) that nearly every object has: put together once, and then known to every map. */
const numberTerms = new Map<string, Map<number, string>>();
const numberTermsMax = 64;

/** `stored` values are whole; a `wanted` one may lack a part, and then no equality is there to look up. */
function termOf(name: string, value: unknown, side: 'stored' | 'wanted'): string | undefined {
  if (typeof value !== 'number') return newTerm(name, value, side);
  let terms = numberTerms.get(name);
  const known = terms?.get(value);
  if (known !== undefined) return known;
  const term = newTerm(name, value, side);
  // Names of attributes with an index that hold numbers are few; their values are the client's.
  if (term === undefined) return undefined;
  if (terms === undefined || terms.size >= numberTermsMax) numberTerms.set(name, terms = new Map<number, string>());
  terms.set(value, term);
  return term;
}

function newTerm(name: string, value: unknown, side: 'stored' | 'wanted'): string | undefined {
  const parts = isCustomAttribute(name) ? customParts(value) : partsOf(name, value, side);
  if (parts === undefined || parts.some((part) => part.length > indexedTextMax)) return undefined;
  let term = `${name.length} ${name}`;
  for (const part of parts) term += ` ${part.length} ${part}`;
  return term;
}

function partsOf(name: string, value: unknown, side: 'stored' | 'wanted'): readonly string[] | undefined {
  switch (name) {
    case 'ObjectGroup':
    case 'ContactInformation':
      return typeof value === 'string' ? [value] : undefined;
    case 'ObjectType':
    case 'State':
    case 'CryptographicAlgorithm':
    case 'CryptographicLength':
      return typeof value === 'number' ? [String(value)] : undefined;
    case 'Name':
      return texts(value, ['nameValue']);
    case 'AlternativeName':
      return texts(value, ['alternativeNameValue']);
    case 'ApplicationSpecificInformation':
      // The data may be left out, by the client of a stored one and by the one who looks for any.
      return texts(side === 'stored' ? { applicationData: '', ...(value as object) } : value, ['applicationNamespace', 'applicationData']);
    case 'Link':
      return texts(value, ['linkedObjectIdentifier']);
    default:
      return undefined;
  }
}

function texts(value: unknown, members: readonly string[]): readonly string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const parts = members.map((member) => (value as Record<string, unknown>)[member]);
  return parts.every((part) => typeof part === 'string') ? parts : undefined;
}

function customParts(value: unknown): readonly string[] | undefined {
  const content = (value as Partial<TtlvNode> | undefined)?.value;
  return typeof content === 'string' ? [content] : undefined;
}
