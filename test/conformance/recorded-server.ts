/**
 * A stand-in for a server: answers each request of a chain with the answer that the case has, placeholders filled in.
 *
 * It proves that the runner accepts right answers, before and apart from any server. It keeps its own notes and shares
 * only the value parser with the comparer. `alter` changes an answer on its way, to prove that wrong ones are refused.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { ResultStatus } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import { Tag } from '../../src/kmip/tags.ts';
import { find, item } from '../harness/wire.ts';
import type { Item, Value } from '../harness/wire.ts';
import { walk } from './case-file.ts';
import type { Exchange, Template } from './case-file.ts';
import type { Chain } from './catalogue.ts';
import type { Transport } from './play.ts';
import { literalValue, meaningOf, nowOffset, tagNumber } from './template.ts';

export type Alter = (answer: Item, caseName: string, step: number) => Item;

function dateTexts(template: Template): string[] {
  return [...walk(template)].filter(({ type }) => type === 'DateTime').map(({ value }) => value ?? '');
}

export class RecordedServer implements Transport {
  private readonly answers: { exchange: Exchange; caseName: string; step: number }[];
  private readonly values = new Map<string, Value>();
  private readonly sentDates = new Map<string, bigint>();
  private readonly datesOfRequests: ReadonlySet<string>;
  private readonly alter: Alter;
  private caseName = '';
  private version: Item = item('ProtocolVersion');
  private answeredMaterial: Buffer | undefined;

  constructor(chain: Chain, alter: Alter = (answer) => answer) {
    this.answers = chain.cases.flatMap(({ name, exchanges }) => exchanges.map((exchange, index) => ({ exchange, caseName: name, step: index + 1 })));
    this.datesOfRequests = new Set(chain.cases.flatMap(({ exchanges }) => exchanges.flatMap(({ request }) => dateTexts(request))));
    this.alter = alter;
  }

  exchange(_client: string, request: Item): Promise<Item> {
    if (this.isPreparation(request)) return Promise.resolve(this.prepared());
    const next = this.answers.shift();
    if (next === undefined) return Promise.reject(new Error('no recorded answer left'));
    if (next.caseName !== this.caseName) this.values.clear();
    this.caseName = next.caseName;
    this.learn(next.exchange.request, request);
    this.version = find(request, 'RequestHeader', 'ProtocolVersion')!;
    return Promise.resolve(this.alter(this.build(next.exchange.response), next.caseName, next.step));
  }

  /** Remembers what the client put in place of dates and of names that it made up. */
  private learn(template: Template, sent: Item): void {
    if (template.type === 'DateTime') this.sentDates.set(template.value ?? '', sent.value as bigint);
    else if (template.value?.startsWith('$') === true) this.values.set(template.value, sent.value!);
    for (const [index, child] of template.children.entries()) this.learn(child, sent.children![index]!);
  }

  /** A request that is no part of the case: a Create whose batch item the next recorded request does not have. */
  private isPreparation(request: Item): boolean {
    const text = JSON.stringify(request, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    return text.includes('"default"') && this.answers[0]?.step === 1 && this.answers[0].exchange.request.children.length !== request.children!.length;
  }

  private prepared(): Item {
    return item('ResponseMessage', [item('BatchItem', [
      item('ResultStatus', ResultStatus.Success),
      item('ResponsePayload', [item('UniqueIdentifier', this.fill('$UNIQUE_IDENTIFIER_0', 'TextString'))]),
    ])]);
  }

  private fill(name: string, type: Template['type']): Value {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    const made: Value = type === 'TextString' ? randomUUID() : randomBytes(name.startsWith('$KEY_MATERIAL') ? 32 : 16);
    this.values.set(name, made);
    return made;
  }

  private build(template: Template, parent?: Template): Item {
    const tag = tagNumber(template);
    // A server answers in the version it was asked in; one file prints another (OMOS-O-1-14).
    if (template.name === 'ProtocolVersion' && parent?.name === 'ResponseHeader') return this.version;
    if (template.type === 'Structure') return { tag, type: ItemType.Structure, children: template.children.map((child) => this.build(child, template)) };
    return { tag, type: ItemType[template.type], value: this.valueOf(template, parent) };
  }

  private valueOf(template: Template, parent: Template | undefined): Value {
    const text = template.value ?? '';
    const now = BigInt(Math.floor(Date.now() / 1000));
    if (template.type === 'DateTime' && template.name !== 'TimeStamp') {
      const sent = this.sentDates.get(text);
      if (sent !== undefined) return sent;
    }
    const offset = nowOffset(text);
    if (offset !== undefined) return now + BigInt(offset);
    if (text.startsWith('$')) return this.fill(text, template.type);
    const meaning = meaningOf(template, parent);
    // The tape library files blot out the key (2a2a…) but not its digest, so the digest is made anew.
    if (meaning === 'KeyMaterial') this.answeredMaterial = Buffer.from(text, 'hex');
    if (meaning === 'DigestValue' && this.answeredMaterial !== undefined) return createHash('sha256').update(this.answeredMaterial).digest();
    const isServerDate = template.type === 'DateTime' && !this.datesOfRequests.has(text) && meaning in Tag;
    return isServerDate ? now : literalValue(template, meaning);
  }
}
