/**
 * Finds the cases, says what each needs beyond this stage, and groups those that share a store into chains.
 *
 * Needs are read from the messages: operations asked for, objects registered or created with success, algorithms and
 * modes of Encrypt and Decrypt, credentials in headers, asynchronous processing, requests by the server. A chain with one
 * case of later work is later work as a whole. Chains: reference data README, "Cases that need something".
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { childrenOf, descend, readCase, walk } from './case-file.ts';
import type { ConformanceCase, Template } from './case-file.ts';
import { cipherAlgorithms, cipherModes, objectTypes, operations, otherNeeds } from './slice.ts';

export const versions: readonly number[] = [10, 11, 12, 13, 14, 20, 21];

/** Cases played one after the other in one scope; most chains have one case. */
export interface Chain {
  readonly cases: readonly ConformanceCase[];
  /** What the chain needs beyond this stage; empty for those that run. */
  readonly needs: readonly string[];
}

export function readCases(sharedFolder: string): ConformanceCase[] {
  const cases: ConformanceCase[] = [];
  for (const version of versions) {
    for (const group of ['profile', 'testcase']) {
      const folder = join(sharedFolder, 'conformance', `kmip-${Math.trunc(version / 10)}.${version % 10}`, group);
      if (!existsSync(folder)) continue;
      for (const file of readdirSync(folder).sort()) {
        if (file.endsWith('.xml')) cases.push(readCase(join(folder, file), version, group));
      }
    }
  }
  return cases;
}

function enumerationTexts(template: Template, name: string, title: string): string[] {
  const found: string[] = [];
  for (const element of walk(template)) {
    if (element.name === name && element.value !== undefined) found.push(element.value);
    if (element.name === 'Attribute' && childrenOf(element, 'AttributeName')[0]?.value === title) {
      found.push(childrenOf(element, 'AttributeValue')[0]?.value ?? '');
    }
  }
  return found;
}

/** What the cases of one chain need beyond this stage, each need once. */
export function needsOf(cases: readonly ConformanceCase[]): string[] {
  const needs = new Set<string>();
  const ciphers: string[] = [];
  let encrypts = false;
  for (const { need } of otherNeeds.filter(({ name }) => cases.some((each) => name.test(each.name)))) needs.add(need);
  for (const { request, response, serverToClient } of cases.flatMap(({ exchanges }) => exchanges)) {
    if (serverToClient) needs.add('server-to-client requests');
    const header = descend(request, 'RequestHeader');
    if (childrenOf(header, 'Authentication').length > 0) needs.add('credentials in the message');
    if (childrenOf(header, 'AsynchronousIndicator').some(({ value }) => value === 'true' || value === 'Mandatory')) needs.add('asynchronous processing');
    ciphers.push(...enumerationTexts(request, 'CryptographicAlgorithm', 'Cryptographic Algorithm').filter((name) => !cipherAlgorithms.has(name)).map((name) => `algorithm ${name}`));
    ciphers.push(...enumerationTexts(request, 'BlockCipherMode', '').filter((name) => !cipherModes.has(name)).map((name) => `mode ${name}`));
    const answers = childrenOf(response, 'BatchItem');
    for (const [index, batchItem] of childrenOf(request, 'BatchItem').entries()) {
      const operation = descend(batchItem, 'Operation')?.value ?? '';
      if (operation === 'Encrypt' || operation === 'Decrypt') encrypts = true;
      if (descend(answers[index], 'ResultReason')?.value === 'OperationNotSupported') continue;
      if (!operations.has(operation)) needs.add(`operation ${operation}`);
      if (descend(answers[index], 'ResultStatus')?.value !== 'Success') continue;
      const payload = descend(batchItem, 'RequestPayload');
      if (operation === 'Register' || operation === 'Create') {
        for (const { value } of childrenOf(payload, 'ObjectType')) if (!objectTypes.has(value!)) needs.add(`object ${value}`);
      }
      if (payload !== undefined && [...walk(payload)].some((element) => element.name === 'TemplateAttribute' && childrenOf(element, 'Name').length > 0)) needs.add('object Template');
    }
  }
  if (encrypts) for (const cipher of ciphers) needs.add(cipher);
  return [...needs];
}

/** Cases that need others before them (or after, for cleaning up) in the same store, each list in its order. */
function chainsOf(cases: readonly ConformanceCase[]): ConformanceCase[][] {
  const byName = new Map(cases.map((each) => [each.name, each]));
  const chained = new Set<string>();
  const chains: ConformanceCase[][] = [];
  const chain = (...names: string[]): void => {
    const found = names.flatMap((name) => byName.get(name) ?? []);
    if (found.length < 2) return;
    chains.push(found);
    for (const { name } of found) chained.add(name);
  };
  for (const { version } of cases) {
    if (chained.has(`SASED-M-3-${version}`) || chained.has(`TL-M-3-${version}`)) continue;
    chain(`SASED-M-2-${version}`, `SASED-M-3-${version}`);
    chain(`TL-M-2-${version}`, `TL-M-3-${version}`);
    chain(`TC-CREG-1-${version}`, `TC-CREG-2-${version}`);
  }
  for (const { name } of cases.filter((each) => /^TC-OTP-\d-/.test(each.name))) {
    // The third case gets a Key Block without a Key Value, which is what the second set-up registers.
    chain(name.startsWith('TC-OTP-3-') ? 'TC-OTP-SETUP-2-13' : 'TC-OTP-SETUP-1-13', name, 'TC-OTP-CLEANUP-1-13');
  }
  return [...chains, ...cases.filter(({ name }) => !chained.has(name)).map((each) => [each])];
}

/** All chains, in the order of their last case's version and name. */
export function readChains(sharedFolder: string): Chain[] {
  const chains = chainsOf(readCases(sharedFolder)).map((cases) => ({ cases, needs: needsOf(cases) }));
  const order = (chain: Chain): string => `${chain.cases.at(-1)!.version} ${chain.cases.at(-1)!.name}`;
  return chains.sort((left, right) => order(left).localeCompare(order(right)));
}
