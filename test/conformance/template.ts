/**
 * Turns an element of a case into an item to send: names to numbers, placeholders to values, literal samples to what
 * the server really gave in their place.
 *
 * Value forms: reference data README, "Form". The type and enumeration of a 1.x Attribute Value are known by the
 * Attribute Name next to it.
 */
import { ItemType } from '../../src/kmip/item-types.ts';
import { Tag } from '../../src/kmip/tags.ts';
import type { TagName } from '../../src/kmip/tags.ts';
import { maskOfNames, tagOfAttributeName, valueOfName } from '../harness/names.ts';
import type { Item, Value } from '../harness/wire.ts';
import type { Template } from './case-file.ts';
import { childrenOf } from './case-file.ts';
import { plainValue } from './session.ts';
import type { Session } from './session.ts';

export function tagNumber(template: Template): number {
  if (template.name.startsWith('0x')) return Number(template.name);
  const number = Tag[template.name as TagName] as number | undefined;
  if (number === undefined) throw new Error(`no tag is named ${template.name}`);
  return number;
}

/** Name of the tag whose enumeration, mask or date rule holds for a child of a structure. */
export function meaningOf(child: Template, parent: Template | undefined): string {
  if (child.name !== 'AttributeValue') return child.name;
  const title = childrenOf(parent, 'AttributeName')[0]?.value ?? '';
  return tagOfAttributeName(title) ?? title;
}

function seconds(text: string): bigint {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new Error(`not a date: ${text}`);
  return BigInt(Math.floor(milliseconds / 1000));
}

/** Seconds to add to the present for `$NOW`, `$NOW-3600`, `$NOW+60`; undefined for other texts. */
export function nowOffset(text: string): number | undefined {
  const found = /^\$NOW([+-]\d+)?$/.exec(text);
  return found === null ? undefined : Number(found[1] ?? 0);
}

/** The value that a literal text stands for. `meaning` names the enumeration or mask. */
export function literalValue(template: Template, meaning: string): Value {
  const text = template.value ?? '';
  switch (template.type) {
    case 'Integer': {
      const number = /^-?\d+$/.test(text) ? Number(text) : maskOfNames(meaning, text);
      if (number === undefined) throw new Error(`${meaning} has no bits named ${text}`);
      return number;
    }
    case 'Enumeration': {
      const number = valueOfName(meaning, text);
      if (number === undefined) throw new Error(`${meaning} has no value named ${text}`);
      return number;
    }
    case 'Interval':
      return Number(text);
    case 'LongInteger':
    case 'DateTimeExtended':
      return BigInt(text);
    case 'DateTime':
      return seconds(text);
    case 'Boolean':
      return text === 'true';
    case 'BigInteger':
    case 'ByteString':
      return Buffer.from(text, 'hex');
    default:
      return text;
  }
}

function valueToSend(template: Template, meaning: string, session: Session): Value {
  const text = template.value ?? '';
  const offset = nowOffset(text);
  if (offset !== undefined) return BigInt(session.now() + offset);
  if (text.startsWith('$')) return session.resolve(text);
  const literal = literalValue(template, meaning);
  return session.sample(meaning, plainValue(literal)) ?? literal;
}

/** The item to send for an element of a request. Notes the dates, so that answers can be held to them. */
export function buildItem(template: Template, session: Session, parent?: Template): Item {
  const tag = tagNumber(template);
  if (template.type === 'Structure') {
    return { tag, type: ItemType.Structure, children: template.children.map((child) => buildItem(child, session, template)) };
  }
  const meaning = meaningOf(template, parent);
  const value = valueToSend(template, meaning, session);
  if (template.type === 'DateTime') session.noteSentDate(meaning, template.value ?? '', value as bigint);
  if (meaning === 'ObjectGroup') session.noteSentGroup(String(value));
  return { tag, type: ItemType[template.type], value };
}
