/**
 * The Result Reasons that each operation may give against the error tables of the specifications (KMIP 1.4 §11, KMIP 2.0
 * and 2.1 §6.1.x.1), at 1.4, 2.0 and 2.1.
 *
 * The tables are not whole: the OASIS cases themselves go beyond them (BL-M-8-21: Get answers Object Destroyed; CS-BC-M-GCM-1:
 * Encrypt answers General Failure). What ours give beyond them is declared here with its reason, so that a new one is looked
 * at. That each situation gets its reason is shown by the cases in `derived/errors.txt`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ResultReason } from '../../src/kmip/enums.ts';
import { KmipError, reasonFor } from '../../src/kmip/result.ts';
import { operations } from '../../src/operations/index.ts';
import { requireShared } from '../harness/shared-data.ts';

/** Reasons of KMIP 1.4 Table 327, and of every 2.x table. */
const everywhere: ReadonlySet<string> = new Set(['InvalidField', 'InvalidMessage', 'PermissionDenied', 'ResponseTooLarge', 'OperationNotSupported', 'FeatureNotSupported']);

const editing = ['AddAttribute', 'ModifyAttribute', 'DeleteAttribute', 'AdjustAttribute', 'SetAttribute'];

/** What goes beyond the tables: reason as the message has it, operations, why. */
const beyond: readonly { readonly reason: string; readonly operations: readonly string[]; readonly why: string }[] = [
  { reason: 'GeneralFailure', operations: ['Create', 'Register'], why: 'OASIS QS-M-2 answers so to a key that is not quantum safe' },
  { reason: 'GeneralFailure', operations: ['Encrypt', 'Decrypt'], why: 'OASIS CS-BC-M-GCM-1 answers so to a tag length' },
  { reason: 'GeneralFailure', operations: ['Get', ...editing], why: 'stands for a reason of 2.x, or 1.x, that these messages lack and that is never given there: `older` names another' },
  { reason: 'KeyFormatTypeNotSupported', operations: ['Create', 'Register', 'Get'], why: 'what 1.4 Table 338 calls Key Format Type and/or Key Compression Type Not Supported; Register has no word for it' },
  { reason: 'ItemNotFound', operations: ['Create', 'Register', 'Locate'], why: 'a Template that does not exist (1.x), or a Link to an object that the batch did not answer (2.x)' },
  { reason: 'ObjectNotFound', operations: ['Locate'], why: 'a Link to an object that the batch did not answer' },
  { reason: 'ApplicationNamespaceNotSupported', operations: ['Create', 'Register', ...editing], why: 'in every 1.x table of these; 2.x keeps the reason and its description (§11.46) and forgot the tables' },
  { reason: 'InvalidAttributeValue', operations: editing, why: 'KMIP 2.1 §11.46: Invalid Field is for data other than an attribute value' },
  { reason: 'InvalidAttribute', operations: editing, why: '§11.46: an attribute is invalid for this object' },
  { reason: 'ServerLimitExceeded', operations: editing, why: 'a limit of the server is one whichever operation meets it' },
  { reason: 'NonUniqueNameAttribute', operations: editing, why: 'declared once for all edits; only Add, Modify and Set give it' },
  { reason: 'ReadOnlyAttribute', operations: editing, why: 'declared once for all edits; Modify and Delete give Attribute Read Only' },
  { reason: 'AttributeReadOnly', operations: editing, why: 'declared once for all edits; Add, Set and Adjust give Read Only Attribute' },
  { reason: 'ObjectNotFound', operations: ['AdjustAttribute'], why: 'a Link to an object that the batch did not answer; the object itself is Item Not Found, as Table 172 has it' },
  { reason: 'CryptographicFailure', operations: ['Get'], why: 'unwrapping a key that does not check out: no table has a case for Key Wrap Type Not Wrapped' },
  { reason: 'WrongKeyLifecycleState', operations: ['Get'], why: 'of the wrapping key; more than Permission Denied says, as BL-M-8-21 does for the object' },
  { reason: 'KeyValueNotPresent', operations: ['Get'], why: '2.x has it; 1.4 has Illegal Operation for an object without attributes only' },
];

const shared = requireShared('conformance/registry');

interface Table {
  readonly caption: string | null;
  readonly rows: readonly (readonly string[])[];
}

function plain(text: string): string {
  return text.replace(/[^A-Za-z0-9]/g, '').toLowerCase();
}

/** Words of the error table of each operation that has one. */
function errorTables(version: number): ReadonlyMap<string, string> {
  const file = join(shared.folder!, `conformance/registry/oasis-kmip-${Math.trunc(version / 10)}.${version % 10}-all-tables.json`);
  const { tables } = JSON.parse(readFileSync(file, 'utf8')) as { tables: readonly Table[] };
  return new Map(tables.flatMap(({ caption, rows }) => {
    const title = /^Table \d+: ?(.*) Errors/i.exec(caption ?? '')?.[1];
    return title === undefined ? [] : [[plain(title), plain(rows.flat().join(' '))] as const];
  }));
}

function nameOf(value: number): string {
  return Object.entries(ResultReason).find(([, each]) => each === value)![0];
}

suite('reasons against the error tables', { skip: shared.skip }, () => {
  for (const version of [14, 20, 21]) {
    test(`at version ${version} every reason is in the operation's table, or is declared`, () => {
      const tables = errorTables(version);
      const undeclared: string[] = [];
      let looked = 0;
      for (const { name, since, reasons } of operations) {
        const table = tables.get(plain(name));
        if (version < since || table === undefined) continue;
        looked += 1;
        for (const reason of new Set(reasons.map((each) => nameOf(reasonFor(new KmipError(each, ''), version))))) {
          const isDeclared = beyond.some((row) => row.reason === reason && row.operations.includes(name));
          if (!everywhere.has(reason) && !table.includes(plain(reason)) && !isDeclared) undeclared.push(`${name}: ${reason}`);
        }
      }
      assert.deepEqual(undeclared, []);
      assert.ok(looked >= 13, `${looked} tables were found`);
    });
  }
  test('nothing is declared for a reason that no operation gives', () => {
    const given = (name: string): string[] => operations.filter((each) => each.name === name).flatMap(({ reasons }) => reasons.flatMap((each) => [14, 20, 21].map((version) => nameOf(reasonFor(new KmipError(each, ''), version)))));
    const idle = beyond.filter((row) => !row.operations.some((name) => given(name).includes(row.reason)));
    assert.deepEqual(idle, []);
  });
});
