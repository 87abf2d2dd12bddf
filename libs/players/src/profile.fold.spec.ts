import fc from 'fast-check';

import { PartitionKeys } from '#libs/event-log';
import {
  isInVersionOrder,
  type JsonObject,
  type JsonValue,
  mergePatch,
  type RecordedEvent,
} from '#libs/events';

import { saves } from '#libs/maintenance';
import { stateKeys } from '#libs/projections';
import { searchTermsKey } from '#libs/search';
import { profilePatched, shuffled } from '#libs/testing';
import { namesKey } from './keys.js';
import { evolveProfile, PatchTooLateError, type ProfileState } from './profile.fold.js';
import { profileEffects } from './profile.store.js';

type ProfileEvent = RecordedEvent<'ProfilePatched'>;

const fold = (events: readonly ProfileEvent[]) =>
  events.reduce<ProfileState | undefined>(evolveProfile, undefined) as ProfileState;
const of = (...patches: JsonObject[]) => fold(patches.map((patch, i) => profilePatched(i + 1, patch)));

const patch = fc
  .dictionary(fc.constantFrom('name', 'avatar', '__proto__', '7', 'x'), fc.jsonValue({ maxDepth: 3 }))
  .map(value => JSON.parse(JSON.stringify(value)) as JsonObject);
const patches = fc.array(patch, { minLength: 1, maxLength: 10 });

describe('the profile fold', () => {
  it('merges one patch after another', () => {
    const state = of(
      { name: 'Ada', country: 'GB' },
      { country: null, home: { x: 1, y: 2 } },
      { home: { x: null } },
    );
    expect(state).toEqual({ version: 3, json: '{"name":"Ada","home":{"y":2}}' });
  });

  it('gives an empty profile after an empty patch', () => {
    expect(of({})).toEqual({ version: 1, json: '{}' });
  });

  it('accepts the next version, and none after it', () => {
    const state = of({}, {});
    expect([1, 2, 3, 4].map(version => isInVersionOrder(state, profilePatched(version, {})))).toEqual([
      ...[true, true, true, false],
    ]);
  });

  it('ignores a version that it has seen', () => {
    const state = of({ a: 1 }, { a: 2 });
    for (const version of [1, 2]) expect(evolveProfile(state, profilePatched(version, { a: 9 }))).toBe(state);
  });

  it('rejects an event without a version', () => {
    const { version: _, ...event } = profilePatched(1, {});
    expect(() => evolveProfile(undefined, event)).toThrow(TypeError);
  });

  it('rejects a skipped version each time it comes back, and no other version', () => {
    const events = [1, 4, 5, 9].map(version => profilePatched(version, { [`v${version}`]: version }));
    const state = fold(events);
    expect(state).toMatchObject({
      version: 9,
      missing: [
        [2, 3],
        [6, 8],
      ],
    });
    for (const version of [2, 3, 6, 7, 8])
      expect(() => evolveProfile(state, profilePatched(version, {}))).toThrow(PatchTooLateError);
    for (const event of events) expect(evolveProfile(state, event)).toBe(state);
  });

  it('keeps numbers that JavaScript cannot represent', () => {
    expect(of({ zero: -0, much: Number.POSITIVE_INFINITY }).json).toBe('{"zero":0,"much":null}');
  });

  it('gives the result of all patches in order, whatever the order of delivery', () => {
    const deliveries = patches.chain(list => shuffled(list.map((value, i) => profilePatched(i + 1, value))));
    fc.assert(
      fc.property(deliveries, events => {
        const inOrder = events.toSorted((a, b) => a.id.ms - b.id.ms);
        let state: ProfileState | undefined;
        for (let open = events; open.length > 0; ) {
          open = open.filter(event => {
            if (!isInVersionOrder(state, event)) return true;
            state = evolveProfile(state, event);
            return false;
          });
        }
        expect(state).toEqual(fold(inOrder));
        const merged = inOrder.reduce<JsonValue>((value, { data }) => mergePatch(value, data.patch), {});
        expect(state?.json).toBe(JSON.stringify(merged));
      }),
    );
  });

  it('is stored as text that begins with the version, and parses back to the same', () => {
    const versions = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(versions, patch, (numbers, value) => {
        const state = fold(numbers.sort((a, b) => a - b).map(version => profilePatched(version, value)));
        expect(saves.format(state)).toMatch(new RegExp(`^${state.version}(~[-,\\d]+)? \\{`));
        expect(saves.parse(saves.format(state))).toEqual(state);
      }),
    );
  });
});

describe('the name in a profile', () => {
  const keys = stateKeys(new PartitionKeys('ql', 'players', 0), 1);
  const effects = (before: ProfileState | undefined, after: ProfileState) =>
    profileEffects(before, after, 'ada', keys).map(({ command, key, args }) => [command, key, ...args]);

  const set = namesKey(keys);
  const added = (text: string) => ['ZADD', searchTermsKey(keys, 'profiles'), '0', `${text}\0ada`];
  const removed = (text: string) => ['ZREM', searchTermsKey(keys, 'profiles'), `${text}\0ada`];

  it('is set, changed by another name, and not written again for the same name', () => {
    const [none, ada, bob] = [of({}), of({ name: 'Ada' }), of({ name: 'Bob' })];
    const first = [['HSET', set, 'ada', 'Ada'], added('ada')];
    expect(effects(undefined, ada)).toEqual(first);
    expect(effects(none, ada)).toEqual(first);
    expect(effects(ada, bob)).toEqual([['HSET', set, 'ada', 'Bob'], removed('ada'), added('bob')]);
    expect(effects(ada, ada)).toEqual([]);
    expect(effects(undefined, none)).toEqual([]);
  });

  it('is not indexed again if it changes only in characters that comparison ignores', () => {
    const change = effects(of({ name: 'Ada  Lovelace' }), of({ name: '\uff21DA\u200b lovelace ' }));
    expect(change).toEqual([['HSET', set, 'ada', '\uff21DA\u200b lovelace ']]);
    expect(effects(undefined, of({ name: '\u200b' }))).toEqual([['HSET', set, 'ada', '\u200b']]);
  });

  it.each([[null], [''], [5], [['Ada']], [{ first: 'Ada' }], ['\ud800']])(
    'is taken away by %j, which is none',
    name => {
      expect(effects(of({ name: 'Ada' }), of({ name }))).toEqual([['HDEL', set, 'ada'], removed('ada')]);
      expect(effects(undefined, of({ name }))).toEqual([]);
    },
  );
});
