/**
 * Cases of our own, written as text: the same Templates as the OASIS files give, so that one comparer serves both.
 *
 *     case SKFF-M-2 (10-21)                      name, and the versions it is played at
 *     | why the case is there, and what the specification says
 *     ! BatchErrorContinuationOption Undo        a field of the next request's header
 *     > Create                                   one line for each batch item of a request
 *         ObjectType SymmetricKey
 *         TemplateAttribute
 *           @Cryptographic Length = 256          an Attribute: 1.x title, value; `[1]` before `=` is its index
 *     < Success                                  one line for each batch item of the answer
 *         UniqueIdentifier $UNIQUE_IDENTIFIER_0
 *     < Failed ItemNotFound, 20 ObjectNotFound   the reason, and from which version on another one holds
 *
 * Attributes are written as 1.x has them and translated for 2.x (`shift.ts`). `{20+}`, `{-14}`, `{12-14}` before a line keep it,
 * and what is below it, to those versions. `Name:Type` names an item type that is not the tag's own, `@x-Name:Integer` that of a custom attribute.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ItemTypeName } from '../../src/kmip/item-types.ts';
import { tagTable } from '../../src/kmip/tags.ts';
import type { TagName } from '../../src/kmip/tags.ts';
import { tagOfAttributeName } from '../harness/names.ts';
import type { ConformanceCase, Exchange, Template } from './case-file.ts';
import { versions } from './catalogue.ts';
import { shiftCase } from './shift.ts';

export interface WrittenCase {
  readonly name: string;
  readonly versions: readonly number[];
  readonly lines: readonly string[];
  readonly file: string;
}

/** Version in whose form the texts are written. */
const writtenVersion = 14;

/** All cases of a folder of `.txt` files. */
export function readWrittenCases(folder: string): WrittenCase[] {
  return readdirSync(folder).filter((file) => file.endsWith('.txt')).sort().flatMap((file) => casesIn(join(folder, file)));
}

function casesIn(file: string): WrittenCase[] {
  const cases: { name: string; versions: number[]; lines: string[]; file: string }[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const head = /^case (\S+) \((\d\d)-(\d\d)\)$/.exec(line);
    if (head !== null) cases.push({ name: head[1]!, versions: versions.filter((version) => version >= Number(head[2]) && version <= Number(head[3])), lines: [], file });
    else if (line.trim() !== '' && !/^\s*[|#]/.test(line)) {
      if (cases.length === 0) throw new Error(`${file}: ${line} stands before the first case`);
      cases.at(-1)!.lines.push(line);
    }
  }
  return cases;
}

/** The case as it is played at a version; a text that the version cannot say is an error. */
export function caseAt({ name, lines, file }: WrittenCase, version: number): ConformanceCase {
  const kept = linesAt(lines, version);
  const exchanges = exchangesOf(kept, version, `${file}: ${name}`);
  const written: ConformanceCase = { name: `${name}-${writtenVersion}`, version: writtenVersion, group: 'derived', file, exchanges };
  const shifted = shiftCase(written, version, 'as written');
  if ('lacks' in shifted) throw new Error(`${file}: ${name} at version ${version}: the version lacks ${shifted.lacks}`);
  return shifted;
}

interface Line {
  readonly indent: number;
  readonly text: string;
}

/** The lines that hold at a version, each with its depth. */
function linesAt(lines: readonly string[], version: number): Line[] {
  const kept: Line[] = [];
  let dropped = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    const [, blanks, from, dash, to, rest] = /^( *)(?:\{(\d\d)?([-+])?(\d\d)?\} ?)?(.*)$/.exec(line)!;
    const indent = blanks!.length;
    if (indent > dropped) continue;
    dropped = Number.POSITIVE_INFINITY;
    const lowest = Number(from ?? 0);
    const highest = to !== undefined ? Number(to) : dash === undefined && from !== undefined ? lowest : 99;
    if (version >= lowest && version <= highest) kept.push({ indent, text: rest! });
    else dropped = indent;
  }
  return kept;
}

function exchangesOf(lines: readonly Line[], version: number, where: string): Exchange[] {
  const exchanges: Exchange[] = [];
  let header: Template[] = [];
  let asked: { operation: string; children: Template[] }[] = [];
  let answered: Template[] = [];
  let client = 'A';
  const close = (): void => {
    if (answered.length > 0) exchanges.push({ request: requestOf(header, asked), response: message('ResponseMessage', 'ResponseHeader', [], answered), client, serverToClient: false });
    if (answered.length > 0) [header, asked, answered] = [[], [], []];
  };
  for (let at = 0; at < lines.length; ) {
    const { text } = lines[at]!;
    const children = below(lines, at);
    if (text.startsWith('! ') || text.startsWith('> ')) close();
    if (text.startsWith('! ')) header.push(leaf(text.slice(2)));
    else if (text.startsWith('client ')) {
      close();
      client = text.slice('client '.length);
    } else if (text.startsWith('> ')) asked.push({ operation: text.slice(2), children: treesOf(children) });
    else if (text.startsWith('< ')) answered.push(answerOf(text.slice(2), treesOf(children), asked, answered.length, version));
    else throw new Error(`${where}: not a line of a case: ${text}`);
    at += children.length + 1;
  }
  close();
  if (asked.length > 0) throw new Error(`${where}: a request without its answer`);
  return exchanges;
}

function below(lines: readonly Line[], at: number): readonly Line[] {
  let end = at + 1;
  while (end < lines.length && lines[end]!.indent > lines[at]!.indent) end += 1;
  return lines.slice(at + 1, end);
}

/** Batch items as they stand in a request: the id is the place. */
function requestOf(header: readonly Template[], items: readonly { operation: string; children: Template[] }[]): Template {
  const batch = items.map(({ operation, children }, index) =>
    structure('BatchItem', [value('Operation', 'Enumeration', operation), ...idOf(index, items.length), structure('RequestPayload', children.filter(isPayload)), ...children.filter((child) => !isPayload(child))]));
  return message('RequestMessage', 'RequestHeader', header, batch);
}

function isPayload({ name }: Template): boolean {
  return name !== 'MessageExtension';
}

function idOf(index: number, count: number): Template[] {
  return count > 1 ? [value('UniqueBatchItemID', 'ByteString', (index + 1).toString(16).padStart(2, '0'))] : [];
}

const statuses: Readonly<Record<string, string>> = { Success: 'Success', Failed: 'OperationFailed', Undone: 'OperationUndone' };

function answerOf(text: string, children: Template[], asked: readonly { operation: string }[], index: number, version: number): Template {
  const [, word, reasons] = /^(\w+)(?: (.*))?$/.exec(text)!;
  const operation = asked[index]?.operation;
  return structure('BatchItem', [
    ...(operation === undefined ? [] : [value('Operation', 'Enumeration', operation)]),
    ...idOf(index, asked.length),
    value('ResultStatus', 'Enumeration', statuses[word!] ?? word!),
    ...(reasons === undefined ? [] : [value('ResultReason', 'Enumeration', reasonAt(reasons, version)), value('ResultMessage', 'TextString', '')]),
    ...(word === 'Failed' ? [] : [structure('ResponsePayload', children)]),
  ]);
}

/** The reason of `PermissionDenied, 21 WrongKeyLifecycleState` that holds at a version. */
function reasonAt(text: string, version: number): string {
  let found = '';
  for (const part of text.split(', ')) {
    const [, since = '0', name] = /^(?:(\d\d) )?(\w+)$/.exec(part)!;
    if (version >= Number(since)) found = name!;
  }
  return found;
}

function message(name: string, headerName: string, header: readonly Template[], items: readonly Template[]): Template {
  const protocolVersion = structure('ProtocolVersion', [value('ProtocolVersionMajor', 'Integer', '1'), value('ProtocolVersionMinor', 'Integer', '4')]);
  const time = name === 'ResponseMessage' ? [value('TimeStamp', 'DateTime', '$NOW')] : [];
  return structure(name, [structure(headerName, [protocolVersion, ...time, ...header, value('BatchCount', 'Integer', String(items.length))]), ...items]);
}

function treesOf(lines: readonly Line[]): Template[] {
  const trees: Template[] = [];
  for (let at = 0; at < lines.length; ) {
    const children = below(lines, at);
    trees.push(lines[at]!.text.startsWith('@') ? attributeOf(lines[at]!.text, children) : element(lines[at]!.text, children));
    at += children.length + 1;
  }
  return trees;
}

function attributeOf(text: string, children: readonly Line[]): Template {
  const [, title, type, index, given] = /^@(.*?)(?::([A-Z]\w+))?(?: \[(\d+)\])?(?: = (.*))?$/.exec(text)!;
  const own = tagOfAttributeName(title!);
  const ownType = own === undefined ? 'TextString' : tagTable[own].type;
  return structure('Attribute', [
    value('AttributeName', 'TextString', title!),
    ...(index === undefined ? [] : [value('AttributeIndex', 'Integer', index)]),
    children.length > 0 ? structure('AttributeValue', treesOf(children)) : value('AttributeValue', (type ?? ownType) as ItemTypeName, given ?? ''),
  ]);
}

function element(text: string, children: readonly Line[]): Template {
  return children.length > 0 ? structure(text, treesOf(children)) : leaf(text);
}

function leaf(text: string): Template {
  const [, name, type, given] = /^(\w+)(?::(\w+))?(?: (.*))?$/.exec(text)!;
  const own = tagTable[name as TagName]?.type;
  const itemType = (type ?? (own === undefined || own === 'Any' ? 'TextString' : own)) as ItemTypeName;
  return itemType === 'Structure' ? structure(name!, []) : value(name!, itemType, given ?? '');
}

function structure(name: string, children: readonly Template[]): Template {
  return { name, type: 'Structure', children };
}

function value(name: string, type: ItemTypeName, text: string): Template {
  return { name, type, value: text, children: [] };
}
