/**
 * Copies of the protocol with one line taken out or turned round, to show that the simulator would notice. The product has no
 * switches for this: the sources are copied, one text in them is replaced, and the copy is loaded instead.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Protocol } from './protocol.ts';

export interface Mutant {
  readonly name: string;
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  readonly unfencedLog?: boolean;
}

const uncheckedFence = {
  file: 'replicated.ts',
  from: 'if (entry.sequence !== replicated.sequence + 1 || entry.previous !== replicated.chain) return false;',
  to: "if (entry.kind !== 'tenure') return true;",
};

export const mutants: readonly Mutant[] = [
  {
    name: 'nodes answer reads without a permit',
    changes: [{
      file: 'permits.ts',
      from: 'return Math.max(0, ...counting.map(({ until }) => until));',
      to: 'return counting.length >= 0 ? Infinity : 0;',
    }],
  },
  { name: 'the primary does not wait for those who hold a permit', changes: [{ file: 'permits.ts', from: 'else lowest = Math.min(lowest, confirmed);', to: 'else void confirmed;' }] },
  { name: 'nobody checks the fence, neither the log nor who reads it', changes: [uncheckedFence], unfencedLog: true },
  { name: 'readers of a log that compares sequences do not check the fence', changes: [uncheckedFence] },
  { name: 'a change is answered once the log has it, before it is applied', changes: [{ file: 'replicate.ts', from: 'const applied = appliedByAllHolders(state, now);', to: 'const applied = replicated.sequence;' }] },
  {
    name: 'proposal ids are forgotten',
    changes: [{ file: 'replicate.ts', from: 'const record = replicated.proposals.get(proposal);\n  if (record !== undefined && record.sequence', to: "const record = replicated.proposals.get('');\n  if (record !== undefined && record.sequence" }],
  },
  { name: 'a new primary does not wait for older permits', changes: [{ file: 'opening.ts', from: 'if (others.some((node) => mayStillRead(state, opening, node, now)) || state.applied', to: 'if (state.applied' }] },
  {
    name: 'a primary does not look at its clock',
    changes: [
      { file: 'tenure.ts', from: 'state.tenure !== undefined && now >= state.tenure.until', to: 'state.tenure !== undefined && now < 0' },
      { file: 'permits.ts', from: 'return now < tenure.until ? tenure.until : 0;', to: 'return Infinity;' },
      { file: 'replicate.ts', from: 'if (tenure === undefined || now >= tenure.until) return;', to: 'if (tenure === undefined) return;' },
    ],
  },
  { name: 'reads are answered before what they saw is stable', changes: [{ file: 'node.ts', from: 'return this.state.stable;', to: 'return Infinity;' }] },
  { name: 'a new primary does not ask for what the log lost', changes: [{ file: 'opening.ts', from: 'if (newest !== undefined) {', to: 'if (newest !== undefined && now < 0) {' }] },
  { name: 'heartbeats of the tenure before count as heard', changes: [{ file: 'role.ts', from: "if (opening?.stage === 'waiting' && compareFences", to: 'if (opening !== undefined && compareFences' }] },
  { name: 'a node that was suspended trusts its clock', changes: [{ file: 'role.ts', from: 'wakeUp(state, now, out);', to: 'void wakeUp;' }] },
  { name: 'a node that drains says farewell and keeps its permit', changes: [{ file: 'role-changes.ts', from: 'state.draining = true;', to: 'state.draining = true;\n  if (now >= 0) return;' }] },
  { name: 'a primary that yields forgets who holds permits', changes: [{ file: 'role-changes.ts', from: 'claim: tenure.claim, holders: holding }', to: 'claim: tenure.claim, holders: holding.slice(0, 0) }' }] },
  { name: 'a member is removed while it holds a permit', changes: [{ file: 'replicate.ts', from: 'now >= (holders.get(node)?.until ?? 0) &&', to: 'holders.size >= 0 && now > 0 &&' }] },
  { name: 'a tenure that was not watched is taken to be over', changes: [{ file: 'election.ts', from: '? claimedAt : claimedAt + wait', to: '? claimedAt : claimedAt' }] },
  { name: 'proposals that expired are planned again', changes: [{ file: 'replicate.ts', from: 'if (isExpired(replicated.expired, proposal)) return;', to: 'void isExpired;' }] },
  { name: 'a node takes whatever comes, however slow its disk is', changes: [{ file: 'apply-loop.ts', from: 'if (state.backlog.waits) return;', to: 'void state.backlog;' }] },
];

/** What looks as bad, and is not: the simulator must not find anything. */
export const harmless: readonly Mutant[] = [
  { name: 'results are dropped as soon as they are taken', changes: [{ file: 'results.ts', from: 'record !== undefined && this.#bytes <= this.#bytesMax) break;', to: 'record !== undefined && this.#bytes < 0) break;' }] },
];

const sources = path.resolve(import.meta.dirname, '../../../cluster');

/** Loads the mutant. The text to replace has to be there exactly once: a mutant that changes nothing proves nothing. */
export async function loadMutant({ name, changes, unfencedLog }: Mutant): Promise<Protocol> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kmipd-mutant-'));
  try {
    for (const source of readdirSync(sources).filter((each) => each.endsWith('.ts'))) {
      let text = readFileSync(path.join(sources, source), 'utf8');
      for (const { file, from, to } of changes) {
        if (source !== file) continue;
        assert.equal(text.split(from).length, 2, `${name}: the text to change is in ${file} once`);
        text = text.replace(from, () => to);
      }
      writeFileSync(path.join(folder, source), text.replaceAll("'../src/", `'${pathToFileURL(path.resolve(sources, '../src')).href}/`));
    }
    const load = <T>(source: string): Promise<T> => import(pathToFileURL(path.join(folder, source)).href) as Promise<T>;
    const [node, entry, replicated] = await Promise.all([load<Pick<Protocol, 'ClusterNode'>>('node.ts'), load<Protocol['entry']>('entry.ts'), load<Protocol['replicated']>('replicated.ts')]);
    return { ClusterNode: node.ClusterNode, entry, replicated, unfencedLog: unfencedLog ?? false };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
