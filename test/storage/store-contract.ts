/**
 * The storage contract as a suite (src/storage/store.ts): every implementation runs it.
 *
 * Invariant: a test here says nothing about how a store keeps things; `reopened` is there for stores that outlive the process.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { State } from '../../src/kmip/enums.ts';
import type { CredentialRecord, Mutation } from '../../src/storage/mutation.ts';
import type { Store } from '../../src/storage/store.ts';
import { attributeSet, collect, created, sampleManaged, scopePut } from './sample-state.ts';

export interface TestedStore extends Store {
  digest(): Promise<string>;
}

export interface OpenedStore {
  readonly store: TestedStore;
  dispose(): Promise<void>;
}

/** `numbersItself`: false for a store whose write sets are numbered by a log, where an empty one is an entry like any other. */
export function storeContract(name: string, openStore: () => Promise<OpenedStore>, numbersItself = true): void {
  const withStore = (body: (store: TestedStore) => Promise<void>) => async (): Promise<void> => {
    const opened = await openStore();
    try {
      await opened.store.commit([scopePut('default'), scopePut('other')]);
      await body(opened.store);
    } finally {
      await opened.dispose();
    }
  };

  describe(`${name}: objects`, () => {
    it('gives back an object exactly as it was put in', withStore(async (store) => {
      const managed = sampleManaged('u1', { name: 'first', custom: 'p' });
      await store.commit([{ kind: 'managed-created', managed }]);
      assert.deepEqual(store.fetch('default', 'u1'), managed);
    }));

    it('knows no object that was not put in, and none of another or unknown scope', withStore(async (store) => {
      await store.commit([created('u1')]);
      assert.equal(store.fetch('default', 'u2'), undefined);
      assert.equal(store.fetch('other', 'u1'), undefined);
      assert.equal(store.fetch('nowhere', 'u1'), undefined);
      assert.deepEqual(await collect(store.candidates('nowhere', { terms: [] })), []);
    }));

    it('changes, adds and removes attributes, and counts revisions', withStore(async (store) => {
      await store.commit([created('u1', { name: 'first' })]);
      await store.commit([attributeSet('u1', 'State', State.Active), attributeSet('u1', 'ContactInformation', 'me'), attributeSet('u1', 'Name', undefined)]);
      const managed = store.fetch('default', 'u1')!;
      assert.deepEqual(managed.attributes.get('State'), [{ index: 0, value: State.Active }]);
      assert.deepEqual(managed.attributes.get('ContactInformation'), [{ index: 0, value: 'me' }]);
      assert.equal(managed.attributes.has('Name'), false);
      assert.equal(managed.revision, 3);
    }));

    it('destroys material and keeps the attributes', withStore(async (store) => {
      await store.commit([created('u1')]);
      await store.commit([{ kind: 'material-destroyed', scope: 'default', uniqueIdentifier: 'u1' }]);
      const managed = store.fetch('default', 'u1')!;
      assert.equal('material' in managed, false);
      assert.equal(managed.attributes.size, 5);
    }));

    it('replaces material', withStore(async (store) => {
      await store.commit([created('u1')]);
      const material = { opaqueDataType: 1, opaqueDataValue: new Uint8Array([1, 2]) };
      await store.commit([{ kind: 'material-replaced', scope: 'default', uniqueIdentifier: 'u1', material }]);
      assert.deepEqual(store.fetch('default', 'u1')?.material, material);
    }));

    it('does not let a caller change stored state through what it fetched', withStore(async (store) => {
      await store.commit([created('u1')]);
      const fetched = store.fetch('default', 'u1')!;
      (fetched.attributes as Map<string, unknown>).clear();
      assert.equal(store.fetch('default', 'u1')?.attributes.size, 5);
    }));
  });

  describe(`${name}: write sets`, () => {
    it('takes a write set as a whole or not at all', withStore(async (store) => {
      await store.commit([created('u1')]);
      const before = await store.digest();
      await assert.rejects(store.commit([created('u2'), attributeSet('u2', 'State', State.Active), created('u1')]), /exists already/);
      assert.equal(store.pending().fetch('default', 'u2'), undefined);
      assert.equal(await store.digest(), before);
      await store.commit([created('u3')]);
      assert.equal(store.fetch('default', 'u2'), undefined);
    }));

    it('refuses changes of objects and scopes that are not there', withStore(async (store) => {
      await assert.rejects(store.commit([attributeSet('u9', 'State', State.Active)]), /not there/);
      await assert.rejects(store.commit([created('u1', { scope: 'nowhere' })]), /scope nowhere is not there/);
    }));

    it('shows a write set as pending at once and as committed when its promise resolves', withStore(async (store) => {
      const done = store.commit([created('u1', { name: 'early' })]);
      assert.equal(store.fetch('default', 'u1'), undefined);
      assert.equal(store.pending().fetch('default', 'u1')?.uniqueIdentifier, 'u1');
      assert.deepEqual(await collect(store.pending().candidates('default', { terms: [{ name: 'Name', value: { nameValue: 'early' } }] })), ['u1']);
      await done;
      assert.equal(store.fetch('default', 'u1')?.uniqueIdentifier, 'u1');
    }));

    it('applies write sets in the order of the calls, each seeing those before it', withStore(async (store) => {
      const commits = [store.commit([created('u1')])];
      for (let count = 1; count <= 100; count++) {
        const seen = store.pending().fetch('default', 'u1')!;
        assert.equal(seen.revision, count - 1);
        commits.push(store.commit([attributeSet('u1', 'ContactInformation', String(count))]));
      }
      const reports = await Promise.all(commits);
      assert.equal(store.fetch('default', 'u1')?.revision, 100);
      assert.deepEqual(reports.map((report) => report.sequence), reports.map((_, index) => reports[0]!.sequence + index));
      assert.equal(store.sequence, reports.at(-1)!.sequence);
    }));

    it('reports what a commit touched', withStore(async (store) => {
      const report = await store.commit([created('u1'), attributeSet('u1', 'State', State.Active), created('u2')]);
      assert.deepEqual(report.managed, [{ scope: 'default', uniqueIdentifier: 'u1' }, { scope: 'default', uniqueIdentifier: 'u2' }]);
      assert.equal(report.identityChanged, false);
      const identity = await store.commit([{ kind: 'setting-put', name: 's', value: new Uint8Array(1) }]);
      assert.deepEqual([identity.managed, identity.identityChanged, identity.sequence], [[], true, report.sequence + 1]);
    }));

    it('resolves an empty write set after those before it, without making history', { skip: !numbersItself }, withStore(async (store) => {
      const order: string[] = [];
      const first = store.commit([created('u1')]).then(() => order.push('first'));
      const empty = store.commit([]).then((report) => { order.push('empty'); return report; });
      const [, report] = await Promise.all([first, empty]);
      assert.deepEqual(order, ['first', 'empty']);
      assert.equal(report.sequence, store.sequence);
      assert.deepEqual(report.managed, []);
    }));

    it('goes on after an empty write set that came alone', { skip: !numbersItself }, withStore(async (store) => {
      assert.equal((await store.commit([])).sequence, store.sequence);
      await store.commit([]);
      await store.commit([created('u1')]);
      assert.notEqual(store.fetch('default', 'u1'), undefined);
    }));

    it('hands out each nonce prefix once', withStore(async (store) => {
      const taken: number[] = [];
      const commits: Promise<unknown>[] = [];
      for (let count = 0; count < 10; count++) {
        taken.push(store.nextNoncePrefix);
        commits.push(store.commit([{ kind: 'nonce-prefix-taken', prefix: store.nextNoncePrefix }]));
      }
      await Promise.all(commits);
      assert.deepEqual(taken, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      await assert.rejects(store.commit([{ kind: 'nonce-prefix-taken', prefix: 3 }]), /each once/);
    }));

    it('finishes what was handed in before it closes', async () => {
      const opened = await openStore();
      const commits = Promise.all([opened.store.commit([scopePut('default')]), opened.store.commit([created('u1')])]);
      await opened.dispose();
      assert.equal((await commits).length, 2);
      await assert.rejects(opened.store.commit([]), /after close/);
    });
  });

  describe(`${name}: candidates`, () => {
    const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `u${index}`);

    it('walks a scope in creation order, whatever the identifiers are', withStore(async (store) => {
      for (const identifier of ['z', 'a', 'm']) await store.commit([created(identifier)]);
      await store.commit([created('x'), created('b'), created('o', { scope: 'other' })]);
      assert.deepEqual(await collect(store.candidates('default', { terms: [] })), ['z', 'a', 'm', 'x', 'b']);
      assert.deepEqual(await collect(store.candidates('other', { terms: [] })), ['o']);
    }));

    it('finds one name among many without walking the others', withStore(async (store) => {
      await store.commit(ids(600).map((identifier) => created(identifier, { name: `name of ${identifier}` })));
      const terms = [{ name: 'State', value: State.PreActive }, { name: 'Name', value: { nameValue: 'name of u77', nameType: 1 } }];
      assert.deepEqual(await collect(store.candidates('default', { terms })), ['u77']);
      assert.deepEqual(await collect(store.candidates('default', { terms: [{ name: 'Name', value: { nameValue: 'name' } }] })), []);
      assert.deepEqual(await collect(store.candidates('default', { terms: [{ name: 'ObjectType', value: 2 }] })), ids(600));
    }));

    it('follows a value that changes, and drops the old one', withStore(async (store) => {
      await store.commit([created('u1', { name: 'old' })]);
      await store.commit([attributeSet('u1', 'Name', { nameValue: 'new', nameType: 1 })]);
      const byName = (nameValue: string): Promise<string[]> => collect(store.candidates('default', { terms: [{ name: 'Name', value: { nameValue } }] }));
      assert.deepEqual([await byName('old'), await byName('new')], [[], ['u1']]);
    }));

    it('offers for a state every object that dates may have moved to it', withStore(async (store) => {
      const states = [State.PreActive, State.Active, State.Deactivated, State.Compromised, State.Destroyed, State.DestroyedCompromised];
      await store.commit([...states].reverse().map((state) => created(`state ${state}`, { state })));
      const found = async (state: number): Promise<string[]> => collect(store.candidates('default', { terms: [{ name: 'State', value: state }] }));
      assert.deepEqual(await found(State.PreActive), ['state 1']);
      assert.deepEqual(await found(State.Active), ['state 2', 'state 1']);
      assert.deepEqual(await found(State.Deactivated), ['state 3', 'state 2', 'state 1']);
      assert.deepEqual(await found(State.Compromised), ['state 4']);
      assert.deepEqual(await found(State.Destroyed), ['state 5']);
    }));

    it('looks up groups, custom attributes, links, alternative names and application information', withStore(async (store) => {
      await store.commit([created('u0'), created('u1', { objectGroup: 'g', custom: 'c' }), created('u2')]);
      const link = { linkType: 0x101, linkedObjectIdentifier: 'u1' };
      await store.commit([
        attributeSet('u2', 'Link', link),
        attributeSet('u2', 'AlternativeName', { alternativeNameValue: 'alt', alternativeNameType: 1 }),
        attributeSet('u0', 'ApplicationSpecificInformation', { applicationNamespace: 'ns' }),
        attributeSet('u1', 'ApplicationSpecificInformation', { applicationNamespace: 'ns', applicationData: 'd' }),
      ]);
      const found = (name: string, value: unknown): Promise<string[]> => collect(store.candidates('default', { terms: [{ name, value }] }));
      assert.deepEqual(await found('ObjectGroup', 'g'), ['u1']);
      assert.deepEqual(await found('x-Product', { tag: 0x42000b, type: 7, value: 'c' }), ['u1']);
      assert.deepEqual(await found('Link', link), ['u2']);
      assert.deepEqual(await found('AlternativeName', { alternativeNameValue: 'alt', alternativeNameType: 1 }), ['u2']);
      assert.deepEqual(await found('ApplicationSpecificInformation', { applicationNamespace: 'ns', applicationData: 'd' }), ['u1']);
      // Without data there is no equality to look up, and the walk offers all.
      assert.deepEqual(await found('ApplicationSpecificInformation', { applicationNamespace: 'ns' }), ['u0', 'u1', 'u2']);
      assert.deepEqual(await found('UniqueIdentifier', 'u2'), ['u2']);
    }));

    it('names the living holders of a Name alone, where the dead are not asked for', withStore(async (store) => {
      const byName = async (nameValue: string, isHeld: boolean, view: Pick<typeof store, 'candidates' | 'candidatesAtOnce'> = store): Promise<string[]> => {
        const query = { terms: [{ name: 'Name', value: { nameValue, nameType: 1 } }], isHeld };
        const atOnce = view.candidatesAtOnce?.('default', query);
        const walked = await collect(view.candidates('default', query));
        if (atOnce !== undefined) assert.deepEqual(atOnce, walked);
        return walked;
      };
      const named = (nameValue: string) => ({ nameValue, nameType: 1 });
      await store.commit([created('dead', { name: 'n', state: State.Destroyed }), created('u1', { name: 'n' }), created('other', { name: 'm' })]);
      assert.deepEqual([await byName('n', true), await byName('n', false)], [['u1'], ['dead', 'u1']]);
      // Destroyed and succeeded in one write set, and in the next one renamed; each is seen while it is pending, too.
      const steps: { mutations: Mutation[]; held: string[]; all: string[] }[] = [
        { mutations: [attributeSet('u1', 'State', State.DestroyedCompromised), created('u2', { name: 'n' })], held: ['u2'], all: ['dead', 'u1', 'u2'] },
        { mutations: [attributeSet('u2', 'Name', named('else')), attributeSet('other', 'Name', named('n'))], held: ['other'], all: ['dead', 'u1', 'other'] },
        { mutations: [attributeSet('other', 'Name', undefined)], held: [], all: ['dead', 'u1'] },
      ];
      for (const { mutations, held, all } of steps) {
        const done = store.commit(mutations);
        for (const identifier of held) assert.ok((await byName('n', true, store.pending())).includes(identifier));
        await done;
        for (const view of [store, store.pending()]) assert.deepEqual([await byName('n', true, view), (await byName('n', false, view)).sort()], [held, all.sort()]);
      }
    }));

    it('names more holders of one Name than a store keeps together', withStore(async (store) => {
      const query = { terms: [{ name: 'Name', value: { nameValue: 'n' } }], isHeld: true };
      const many = ids(40);
      for (const identifier of many.slice(0, 20)) await store.commit([created(identifier, { name: 'n' })]);
      await store.commit(many.slice(20).map((identifier) => created(identifier, { name: 'n' })));
      assert.deepEqual(await collect(store.candidates('default', query)), many);
      assert.deepEqual(await collect(store.candidates('default', { ...query, newestFirst: true })), many.toReversed());
      await store.commit(many.slice(1).map((identifier) => attributeSet(identifier, 'Name', undefined)));
      assert.deepEqual(await collect(store.candidates('default', query)), ['u0']);
    }));

    it('walks newest first as well, pending objects and alternatives included', withStore(async (store) => {
      await store.commit([...ids(300).map((identifier) => created(identifier)), created('active', { state: State.Active }), created('last')]);
      const forth = async (view: Pick<typeof store, 'candidates'>, terms: { name: string; value: unknown }[]): Promise<void> => {
        const oldest = await collect(view.candidates('default', { terms }));
        assert.ok(oldest.length > 300);
        assert.deepEqual(await collect(view.candidates('default', { terms, newestFirst: true })), oldest.toReversed());
      };
      const done = store.commit([created('pending'), attributeSet('u7', 'State', State.Active)]);
      for (const terms of [[], [{ name: 'State', value: State.Active }]]) {
        await forth(store.pending(), terms);
        await forth(store, terms);
      }
      await done;
      assert.deepEqual((await collect(store.candidates('default', { terms: [], newestFirst: true }))).slice(0, 2), ['pending', 'last']);
    }));

    it('walks by what has no index', withStore(async (store) => {
      await store.commit([created('u1'), created('u2')]);
      const terms = [{ name: 'InitialDate', value: 5 }, { name: 'ObjectGroup', value: 'g'.repeat(100_000) }, { name: 'Name', value: 7 }];
      assert.deepEqual(await collect(store.candidates('default', { terms })), ['u1', 'u2']);
    }));

    it('sees one snapshot while commits go on', withStore(async (store) => {
      await store.commit(ids(700).map((identifier) => created(identifier)));
      const seen: string[] = [];
      for await (const identifier of store.candidates('default', { terms: [] })) {
        if (seen.length % 100 === 0) await store.commit([created(`late ${seen.length}`)]);
        seen.push(identifier);
      }
      assert.deepEqual(seen, ids(700));
    }));

    it('may be left early', withStore(async (store) => {
      await store.commit(ids(50).map((identifier) => created(identifier)));
      for await (const identifier of store.candidates('default', { terms: [] })) if (identifier === 'u5') break;
      assert.equal((await collect(store.candidates('default', { terms: [] }))).length, 50);
    }));

    it('merges pending objects in creation order, each once', withStore(async (store) => {
      await store.commit([created('u0', { name: 'n' }), created('u1'), created('u2', { name: 'n' })]);
      const done = store.commit([attributeSet('u1', 'Name', { nameValue: 'n', nameType: 1 }), created('u3', { name: 'n' }), attributeSet('u2', 'State', State.Active)]);
      const terms = [{ name: 'Name', value: { nameValue: 'n' } }];
      assert.deepEqual(await collect(store.pending().candidates('default', { terms })), ['u0', 'u1', 'u2', 'u3']);
      await done;
      assert.deepEqual(await collect(store.pending().candidates('default', { terms })), ['u0', 'u1', 'u2', 'u3']);
    }));
  });

  describe(`${name}: identities and settings`, () => {
    const credential = (fingerprint: string, scope = 'default'): CredentialRecord => ({ fingerprint, scope, role: 'r', serialNumber: '1', subject: 'CN=a', notAfter: 9, createdAt: 1 });

    it('keeps scopes, roles, credentials and settings, and lists them in the order they were made', withStore(async (store) => {
      const role = { scope: 'default', role: 'r', permissions: ['operation_all'], createdAt: 3 };
      const mutations: Mutation[] = [
        { kind: 'role-put', record: role }, { kind: 'role-put', record: { ...role, role: 'a' } },
        { kind: 'credential-put', record: credential('ff') }, { kind: 'credential-put', record: credential('00') }, { kind: 'credential-put', record: credential('11', 'other') },
        { kind: 'setting-put', name: 'stream key', value: new Uint8Array([1, 2, 3]) },
      ];
      const done = store.commit(mutations);
      for (const view of [store.pending(), await done.then(() => store)]) {
        assert.deepEqual(view.scopes().map((record) => record.scope), ['default', 'other']);
        assert.deepEqual(view.roles('default').map((record) => record.role), ['r', 'a']);
        assert.deepEqual(view.role('default', 'r'), role);
        assert.equal(view.role('other', 'r'), undefined);
        assert.deepEqual(view.credentials('default').map((record) => record.fingerprint), ['ff', '00']);
        assert.deepEqual(view.credential('11'), credential('11', 'other'));
        assert.deepEqual(view.setting('stream key'), new Uint8Array([1, 2, 3]));
        assert.equal(view.setting('none'), undefined);
      }
    }));

    it('replaces a credential in place when it is revoked', withStore(async (store) => {
      await store.commit([{ kind: 'credential-put', record: credential('ff') }]);
      await store.commit([{ kind: 'credential-put', record: { ...credential('ff'), revokedAt: 7 } }]);
      assert.deepEqual(store.credentials('default'), [{ ...credential('ff'), revokedAt: 7 }]);
    }));
  });
}
