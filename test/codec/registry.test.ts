/**
 * Our tables against those taken from the specifications: tags, enumerations, bit masks and attribute rules of each
 * version, both ways, so that nothing is missing, invented, or of another version.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attributeByTitle, attributeNameList, attributeTable, clientCustomRule } from '../../src/kmip/attribute-table.ts';
import { enumerationTable, maskTable } from '../../src/kmip/enums.ts';
import type { EnumerationRows } from '../../src/kmip/enums.ts';
import { tagTable } from '../../src/kmip/tags.ts';
import { requireShared } from '../harness/shared-data.ts';

const shared = requireShared('conformance/registry');
const versions = ['1.0', '1.1', '1.2', '1.3', '1.4', '2.0', '2.1'] as const;

interface Value { readonly name: string; readonly xml: string; readonly value: number }
interface Registry {
  readonly tags: readonly { readonly name: string; readonly xml: string; readonly tag: string }[];
  readonly enumerations: Readonly<Record<string, readonly Value[]>>;
  readonly bit_masks: Readonly<Record<string, readonly Value[]>>;
}
interface Table { readonly section: string; readonly caption: string | null; readonly rows: readonly (readonly string[])[] }

function load<T>(file: string): T {
  return JSON.parse(readFileSync(join(shared.folder as string, 'conformance/registry', file), 'utf8')) as T;
}

const numberOf = (version: string): number => Number(version.replace('.', ''));
const has = (version: number, since = 10, until = 99): boolean => version >= since && version <= until;

/** Values by number that a version has. */
function valuesOf(rows: EnumerationRows, version: number): Map<number, string> {
  return new Map(Object.entries(rows).filter(([, [, since, until]]) => has(version, since, until)).map(([name, [value]]) => [value, name]));
}

for (const version of versions) {
  const number = numberOf(version);

  test(`tags of ${version} are those of the specification`, { skip: shared.skip }, () => {
    const theirs = new Map(load<Registry>(`oasis-kmip-${version}.json`).tags.map((row) => [Number(row.tag), row.xml]));
    const ours = new Map(Object.entries(tagTable).filter(([, row]) => has(number, row.since, row.until)).map(([name, row]) => [row.number, name]));
    for (const [tag, name] of theirs) assert.equal(ours.get(tag), name, `tag 0x${tag.toString(16)}`);
    assert.deepEqual([...ours.keys()].filter((tag) => !theirs.has(tag)), []);
  });

  test(`enumerations and masks of ${version} are those of the specification`, { skip: shared.skip }, () => {
    const { enumerations, bit_masks: masks } = load<Registry>(`oasis-kmip-${version}.json`);
    const compare = (tables: Readonly<Record<string, EnumerationRows>>, theirs: Registry['enumerations']): void => {
      for (const [title, values] of Object.entries(theirs)) {
        const rows = tables[title.replace(/[^A-Za-z0-9]/g, '')];
        if (rows === undefined) {
          assert.ok(notOurs.has(title), `${title} is missing`);
          continue;
        }
        const ours = valuesOf(rows, number);
        // PGP certificates left in 1.2 and came back in 2.0; a row says one span of versions, and this one costs nothing.
        if (title === 'Certificate Type' && number >= 12 && number <= 14) ours.delete(2);
        assert.deepEqual([...ours.keys()].sort((a, b) => a - b), values.map(({ value }) => value).sort((a, b) => a - b), `${title} of ${version}`);
      }
    };
    compare(enumerationTable, enumerations);
    compare(maskTable, masks);
  });
}

/** Enumerations that are other tables of ours, or belong to operations this server does not have. */
const notOurs: ReadonlySet<string> = new Set(['Tag', 'PKCS#11 Function', 'PKCS#11 Return Code', 'Opaque Data Type']);

/** Rules of every version, by title of the attribute. */
function rulesOf(version: string): Map<string, Map<string, string>> {
  const rules = new Map<string, Map<string, string>>();
  for (const { section, caption, rows } of load<{ tables: readonly Table[] }>(`oasis-kmip-${version}-all-tables.json`).tables) {
    const title = section.replace(/^[\d.]+\s+/, '');
    if (caption === null || !/Rules\s*$/.test(caption) || /^(Attributes|Object Attributes)$/.test(title)) continue;
    rules.set(title, new Map(rows.map(([rule, ...rest]) => [(rule as string).toLowerCase().replaceAll('\n', ' '), rest.join(' ').replaceAll('\n', ' ')])));
  }
  return rules;
}

function cell(rules: ReadonlyMap<string, string>, start: string): string {
  for (const [rule, text] of rules) if (rule.startsWith(start)) return text;
  return '';
}

test('attribute rules are those of the newest version that has the attribute', { skip: shared.skip }, () => {
  const newest = new Map<string, Map<string, string>>();
  for (const version of versions) for (const [title, rules] of rulesOf(version)) newest.set(title, rules);
  let compared = 0;
  for (const [title, rules] of newest) {
    const name = attributeByTitle(title);
    const rule = title === 'Custom Attribute' ? clientCustomRule : name === undefined ? undefined : attributeTable[name];
    if (title === 'Certificate Attributes') continue;
    assert.ok(rule !== undefined, `${title} has no row`);
    const by = cell(rules, 'initially set').toLowerCase();
    const setBy = by.includes('client') && by.includes('server') ? 'either' : by.includes('client') ? 'client' : 'server';
    if (title !== 'Custom Attribute') {
      assert.equal(rule.setBy, setBy, `${title}: initially set by ${by}`);
      assert.equal(rule.modifiableByServer, /^yes/i.test(cell(rules, 'modifiable by server')), `${title}: modifiable by server`);
    }
    assert.equal(rule.modifiableByClient, /^yes/i.test(cell(rules, 'modifiable by client')), `${title}: modifiable by client`);
    assert.equal(rule.deletableByClient, /^yes/i.test(cell(rules, 'deletable by client')), `${title}: deletable by client`);
    assert.equal(rule.multiple, /^yes/i.test(cell(rules, 'multiple')), `${title}: multiple instances`);
    const always = cell(rules, 'shall always');
    // A value that is there "if the server has access to it" is the server's duty whenever it can.
    if (always !== '') assert.equal(rule.alwaysHasValue, /^yes/i.test(always), `${title}: always has a value`);
    compared++;
  }
  assert.ok(compared >= 60, `only ${compared} rules were compared`);
});

test('attributes belong to the versions whose specification has their rules', { skip: shared.skip }, () => {
  const seen = new Map<string, number[]>();
  for (const version of versions) for (const title of rulesOf(version).keys()) seen.set(title, [...(seen.get(title) ?? []), numberOf(version)]);
  for (const name of attributeNameList) {
    const { title, since, until } = attributeTable[name];
    const found = seen.get(title);
    if (found === undefined) {
      assert.match(title, /^Certificate (Subject|Issuer) /);
      continue;
    }
    assert.equal(since, found[0], `${title}: since`);
    assert.equal(Math.min(until, 21), found.at(-1), `${title}: until`);
  }
});
