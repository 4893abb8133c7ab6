/**
 * Reads one OASIS case (XML) into exchanges of request and expected response.
 *
 * A Template keeps names and values as the file writes them, placeholders included; `template.ts` turns a request into
 * items, `compare.ts` holds a response against one. Text nodes say who sends (`# [Client-B]`) and when to ask again
 * (`# [REPEAT]`), all else in them is for people. Form: reference data README, "Form"; KMIP Additional Message
 * Encodings 1.0 §6.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { SaxesParser } from 'saxes';
import type { ItemTypeName } from '../../src/kmip/item-types.ts';
import { corrections } from './corrections.ts';

/** One element of a case. `value` is undefined for a Structure. */
export interface Template {
  /** CamelCase name of the tag, or `0x540001` for a tag given as a number. */
  readonly name: string;
  readonly type: ItemTypeName;
  readonly value?: string;
  readonly children: readonly Template[];
}

export interface Exchange {
  readonly request: Template;
  readonly response: Template;
  /** `A` unless the text before the request names another client. */
  readonly client: string;
  /** What the text says about repeating the request, if it says so. */
  readonly repeat?: string;
  /** The server sends this request to the client (Put, Notify, a Query of the client). */
  readonly serverToClient: boolean;
}

export interface ConformanceCase {
  /** File name without its ending, version at the end: `SKLC-M-1-14`. */
  readonly name: string;
  /** 10 for KMIP 1.0 … 21 for 2.1, by the folder. */
  readonly version: number;
  readonly group: string;
  readonly file: string;
  readonly exchanges: readonly Exchange[];
}

interface OpenElement {
  name: string;
  type: ItemTypeName;
  value?: string;
  children: OpenElement[];
}

/** Up to 1.2 the files were made from printed tables: a run of blanks inside a value is a line break there. */
const lastPrintedVersion = 12;

/** The messages of an XML text, each with the text before it; the root holds them. */
export function readMessages(xml: string, version: number): { message: Template; text: string }[] {
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  const messages: { message: Template; text: string }[] = [];
  let text = '';
  parser.on('error', (error) => { throw error; });
  parser.on('text', (part) => { text += part; });
  parser.on('opentag', ({ name, attributes }) => {
    const value = attributes['value'];
    const element: OpenElement = {
      name: name === 'TTLV' ? attributes['tag']!.toLowerCase() : name,
      type: (attributes['type'] ?? 'Structure') as ItemTypeName,
      children: [],
    };
    if (value !== undefined) element.value = version <= lastPrintedVersion ? value.replace(/\s+/g, ' ') : value;
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('closetag', () => {
    const element = open.pop()!;
    if (open.length !== 1) return;
    messages.push({ message: element, text });
    text = '';
  });
  parser.write(xml).close();
  return messages;
}

function corrected(template: Template, caseName: string): Template {
  const correction = corrections.find(({ name, from }) => name.test(caseName) && from === template.value);
  const children = template.children.map((child) => corrected(child, caseName));
  return correction === undefined ? { ...template, children } : { ...template, children, value: correction.to };
}

/** Reads a case file; throws when requests and responses do not alternate. */
export function readCase(file: string, version: number, group: string): ConformanceCase {
  const name = basename(file, '.xml');
  const messages = readMessages(readFileSync(file, 'utf8'), version).map(({ message, text }) => ({ message: corrected(message, name), text }));
  const exchanges: Exchange[] = [];
  let client = 'A';
  for (let index = 0; index < messages.length; index += 1) {
    const { message, text } = messages[index]!;
    if (message.name !== 'RequestMessage') throw new Error(`${file}: ${message.name} without a RequestMessage before it`);
    client = /\[Client-([A-Z])\]/.exec(text)?.[1] ?? client;
    // Two requests, then their two responses, the second answered first (TC-DERIVEKEY-4-10): play them one by one.
    if (messages[index + 1]?.message.name === 'RequestMessage') {
      const [second, secondResponse, firstResponse] = messages.slice(index + 1, index + 4).map((each) => each.message);
      exchanges.push({ request: second!, response: secondResponse!, client, serverToClient: false });
      exchanges.push({ request: message, response: firstResponse!, client, serverToClient: false });
      index += 3;
      continue;
    }
    const answer = messages[index + 1];
    if (answer?.message.name !== 'ResponseMessage') throw new Error(`${file}: a RequestMessage without its ResponseMessage`);
    const repeat = /\[REPEAT\][^\n]*/.exec(text + answer.text)?.[0];
    exchanges.push({
      request: message,
      response: answer.message,
      client,
      ...(repeat === undefined ? {} : { repeat }),
      serverToClient: /\[Server-to-Client\]/.test(text),
    });
    index += 1;
  }
  return { name, version, group, file, exchanges };
}

/** Every element of a template, itself first. */
export function* walk(template: Template): Generator<Template> {
  yield template;
  for (const child of template.children) yield* walk(child);
}

/** Children of a template by name. */
export function childrenOf(template: Template | undefined, name: string): Template[] {
  return (template?.children ?? []).filter((child) => child.name === name);
}

/** The first element down a path of names. */
export function descend(template: Template | undefined, ...path: string[]): Template | undefined {
  return path.reduce<Template | undefined>((at, name) => childrenOf(at, name)[0], template);
}
