/**
 * Reads the recorded client flows of the reference data: a manifest in TOML and one JSON file a step.
 *
 * Only the part of TOML that the manifests use is read: tables of steps, strings (also of several lines), numbers,
 * booleans and flat lists. `{{name}}` in a step stands for a value that an earlier step captured.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { item, request } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { tagOfAttributeName, valueOfName } from '../harness/names.ts';
import { enumerationTable } from '../../src/kmip/enums.ts';
import type { EnumerationRows } from '../../src/kmip/enums.ts';
import type { ItemTypeName } from '../../src/kmip/item-types.ts';
import type { TagName } from '../../src/kmip/tags.ts';

type Scalar = string | number | boolean;
type Table = Record<string, Scalar | Scalar[]>;

export interface Step {
  readonly operation: string;
  readonly request: string;
  readonly rawRequest: boolean;
  readonly tables: Readonly<Record<string, Table>>;
  readonly fieldsAbsent: readonly string[];
}

export interface Flow {
  readonly folder: string;
  readonly wireFormat: string;
  readonly version: number;
  readonly steps: readonly Step[];
}

function scalar(text: string): Scalar | Scalar[] {
  return JSON.parse(text) as Scalar | Scalar[];
}

export function readFlow(folder: string): Flow {
  const text = readFileSync(join(folder, 'manifest.toml'), 'utf8').replace(/"""[\s\S]*?"""/g, '""');
  const root: Table = {};
  const steps: { own: Table; tables: Record<string, Table> }[] = [];
  let at = root;
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const table = /^\[steps\.(\w+)\]$/.exec(line)?.[1];
    if (line === '[[steps]]') {
      steps.push({ own: (at = {}), tables: {} });
    } else if (table !== undefined) {
      steps.at(-1)!.tables[table] = at = {};
    } else {
      const [, key, value] = /^(\w+)\s*=\s*(.*)$/.exec(line) ?? [];
      if (key === undefined) throw new Error(`${folder}: cannot read ${line}`);
      at[key] = scalar(value!);
    }
  }
  const [major, minor] = root['kmip_version'] as number[];
  return {
    folder,
    wireFormat: String(root['wire_format']),
    version: major! * 10 + minor!,
    steps: steps.map(({ own, tables }) => ({
      operation: String(own['operation']),
      request: String(own['request']),
      rawRequest: own['raw_request'] === true,
      tables,
      fieldsAbsent: (own['assert_fields_absent'] as string[] | undefined) ?? [],
    })),
  };
}

interface JsonItem { readonly tag: string; readonly type?: string; readonly value: string | number | boolean | JsonItem[] }

/** An item of KMIP's JSON form; `attributeName` tells which enumeration an Attribute Value belongs to. */
function fromJson(source: JsonItem, attributeName?: string): Item {
  const tag = source.tag as TagName;
  if (Array.isArray(source.value)) {
    const name = source.value.find((each) => each.tag === 'AttributeName')?.value as string | undefined;
    return item(tag, source.value.map((each) => fromJson(each, each.tag === 'AttributeValue' ? name : undefined)));
  }
  const type = source.type as ItemTypeName;
  const of = attributeName === undefined ? source.tag : tagOfAttributeName(attributeName);
  if (type === 'ByteString' || type === 'BigInteger') return item(tag, Buffer.from(source.value as string, 'hex'), type);
  if (type === 'DateTime' && typeof source.value === 'string') return item(tag, BigInt(Math.floor(Date.parse(source.value) / 1000)), type);
  if (type === 'Enumeration' && typeof source.value === 'string') return item(tag, valueOf(of ?? source.tag, source.value), type);
  return item(tag, source.value, type, of);
}

/** The flows leave out the underscores of some names: `HMACSHA1` for `HMAC_SHA1`, `SHA256` for `SHA_256`. */
function valueOf(of: string, name: string): number {
  const known = valueOfName(of, name);
  if (known !== undefined) return known;
  const rows = Object.entries((enumerationTable as Readonly<Record<string, EnumerationRows>>)[of] ?? {});
  const found = rows.find(([each]) => each.replaceAll(/[_-]/g, '') === name.replaceAll(/[_-]/g, ''));
  if (found === undefined) throw new Error(`${of} has no value named ${name}`);
  return found[1][0];
}

/** The message of a step, with captured values in place. */
export function messageOf(flow: Flow, step: Step, captured: ReadonlyMap<string, string>): Item {
  const text = readFileSync(join(flow.folder, step.request), 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = captured.get(name);
    if (value === undefined) throw new Error(`${step.request}: nothing captured as ${name}`);
    return value;
  });
  const body = fromJson(JSON.parse(text) as JsonItem);
  if (step.rawRequest) return body;
  return request(flow.version, [{ operation: step.operation, payload: body.children ?? [] }]);
}
