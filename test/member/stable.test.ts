/**
 * What a member does with a change that is on its disk and not known to be on every disk that may answer: while a member that died
 * without a word still holds a permit, the change is marked for the threads, no read shows it and no backup with it is given away.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultTiming } from '../../cluster/timing.ts';
import { ClusterViewReader } from '../../src/server/cluster-view.ts';
import { objectHash } from '../../src/server/coherence.ts';
import { restoreSingle } from '../../src/storage/backup-restore.ts';
import { createLevelStore } from '../../src/storage/level-store.ts';
import { natsMissing } from '../cluster/nats/nats-servers.ts';
import { created, scopePut } from '../storage/sample-state.ts';
import { Members, membersRootKey, setting, until } from './members.ts';
import type { OpenMember } from './members.ts';

const skip = natsMissing();
/** Time enough to look while the silent member may still answer, on a machine that is busy with other tests too. */
const timing = { ...defaultTiming, permitMs: 8_000, stallPermitMs: 8_000 };
const mark = () => ({ id: 'this one', takenAt: Date.now() });

/** What the threads of the member would be told of the object. */
const unstableAt = ({ keeper }: OpenMember, identifier: string): number => new ClusterViewReader(keeper.clusterView).unstable(...objectHash('default', identifier));

/** Resolves when all members have everything that the log has on their disks, and some of it is not stable. */
const holdUnstable = (members: readonly OpenMember[], after: number): Promise<void> => until(() => members.every(({ keeper }) => {
  const { applied, stable, sequence } = keeper.status();
  return applied > after && applied === sequence && stable < applied;
}));

describe('a change that is not stable yet', { skip }, () => {
  test('is marked for the threads before its store is given it, on every member, and a read that sees it waits no longer than until all have confirmed it', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const marks: [node: string, identifier: string, entry: number][] = [];
    const reads: Promise<unknown>[] = [];
    const opened = new Map<string, OpenMember>();
    const changed = (node: string) => ({ managed }: { readonly managed: readonly { readonly uniqueIdentifier: string }[] }): void => {
      for (const { uniqueIdentifier } of managed) {
        marks.push([node, uniqueIdentifier, unstableAt(opened.get(node)!, uniqueIdentifier)]);
        reads.push(opened.get(node)!.keeper.read((store) => store.glance('default', uniqueIdentifier)!.uniqueIdentifier));
      }
    };
    for (const node of ['left', 'right']) opened.set(node, await members.open(node, { changed: changed(node) }));
    const both = [...opened.values()];
    await Promise.all(both.map(({ keeper }) => keeper.ready()));
    await both[0]!.keeper.commit([scopePut('default', membersRootKey)]);
    const names = Array.from({ length: 20 }, (_, index) => `u${index}`);
    // A follower's view has no more than what its store was given.
    const follower = both.find(({ keeper }) => keeper.status().role === 'follower')!;
    const unmarked = (async () => {
      const found: string[] = [];
      for (const name of names) {
        while (follower.keeper.view.glance('default', name) === undefined) await new Promise(setImmediate);
        if (unstableAt(follower, name) === 0) found.push(name);
      }
      return found;
    })();
    for (const [index, name] of names.entries()) await both[index % 2]!.keeper.commit([created(name)]);
    assert.deepEqual(await unmarked, []);
    await until(() => marks.length === names.length * 2);
    assert.deepEqual(marks.filter(([, , entry]) => entry === 0), []);
    assert.deepEqual((await Promise.all(reads)).toSorted(), names.flatMap((name) => [name, name]).toSorted());
    await until(() => both.every((member) => unstableAt(member, names.at(-1)!) === 0));
    assert.deepEqual(members.faults, []);
  });

  test('is shown by no read and is in no backup that is given away, on the primary and on others, as long as a silent member may answer without it', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const [primary, follower, silent] = await members.ready(['one', 'two', 'three'], { timing });
    const answering = [primary!, follower!];
    await primary!.keeper.commit([scopePut('default', membersRootKey)]);
    const before = primary!.keeper.status().applied;
    silent!.link.cut();
    const committed = primary!.keeper.commit([created('new'), setting('new')]);
    let isAcknowledged = false;
    void committed.then(() => (isAcknowledged = true));
    await holdUnstable(answering, before);
    // On both disks, and the silent one still has its permit.
    const given: string[] = [];
    const backups = answering.map(async (member) => {
      const capture = await member.keeper.backup(mark());
      given.push('backup');
      assert.ok(member.keeper.status().stable >= capture.sequence, 'all of it is stable');
      assert.ok(capture.sequence > before, 'it has what was on the disk');
      return capture;
    });
    const reads = answering.map(({ keeper }) => keeper.read((store) => {
      assert.ok(store.glance('default', 'new'), 'it is on the disk');
      return store.setting('new');
    }).then(() => given.push('read'), (error: unknown) => assert.equal((error as { code?: string }).code, 'E_NOT_READY')));
    for (const member of answering) assert.ok(unstableAt(member, 'new') > before);
    await sleep(300);
    assert.deepEqual([given, isAcknowledged], [[], false], 'the silent member may still answer without it');
    const captures = await Promise.all(backups);
    await Promise.all([committed, ...reads]);
    await until(() => answering.every((member) => unstableAt(member, 'new') === 0));
    assert.deepEqual(await follower!.keeper.read((store) => store.setting('new')), Uint8Array.of(1));
    for (const [index, capture] of captures.entries()) {
      const folder = join(members.folder, `restored ${index}`);
      await restoreSingle({ folder, rootKey: membersRootKey }, capture.content(), Date.now());
      await capture.close();
      const restored = await createLevelStore({ folder, rootKey: membersRootKey });
      assert.ok(restored.glance('default', 'new'));
      await restored.close();
    }
    assert.deepEqual(members.faults, []);
  });

  test('is not given away by a member that loses its permit while it waits; its client learns that the outcome is not known when the member stops', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const [primary, silent] = await members.ready(['one', 'two'], { timing });
    const before = primary!.keeper.status().applied;
    silent!.link.cut();
    const committed = primary!.keeper.commit([setting('new')]);
    const unknown = assert.rejects(committed, { code: 'E_OUTCOME_UNKNOWN', retryable: true });
    await holdUnstable([primary!], before);
    const refused = assert.rejects(primary!.keeper.backup(mark()), { code: 'E_NOT_READY', retryable: true });
    primary!.link.cut();
    await refused;
    await primary!.close();
    await unknown;
    assert.deepEqual(members.faults, []);
  });
});
