import { jest } from '@jest/globals';
import fc from 'fast-check';
import { formatEventId, type JsonObject, type RecordedEvent } from '#libs/events';
import { type JobOrder, JobRunner, Jobs, type PlayerEvent, saves } from '#libs/maintenance';
import { stateKeys } from '#libs/projections';
import { cut, deliver, foldOf, NO_STATE, pendingOf, QUIET, shuffled, stateOf, Workers } from '#libs/testing';
import { namesKey, profilesKey } from './keys.js';
import { PatchTooLateError } from './profile.fold.js';

jest.setTimeout(30_000);

describe('the profile projector', () => {
  let workers: Workers;
  beforeEach(async () => {
    workers = await Workers.open();
  });
  afterEach(() => workers.close());

  type Event = RecordedEvent<PlayerEvent>;

  /** Appends patches of `ada`, and delivers them to the group. */
  const patch = async (...patches: JsonObject[]) => {
    for (const patch of patches) await workers.append('ProfilePatched', { player: 'ada', patch });
    return (await deliver<PlayerEvent>(workers.test, workers.players, saves.name)) as [Event, Event, Event];
  };
  const state = () => stateOf(workers.test, workers.players);
  const pending = () => pendingOf(workers.test, workers.players, saves.name);
  /** Turns an event into a dead letter: acknowledged without effect, and recorded as skipped. */
  const bury = async ({ id }: Event) => {
    const { redis } = workers.test;
    await redis.hset(workers.players.skipped(saves.name), formatEventId(id), 'dead 1-0');
    await redis.xack(workers.players.stream, saves.name, formatEventId(id));
  };
  const run = async (order: JobOrder) => {
    const jobs = new Jobs(workers.test.redis, workers.test.topology);
    const job = await jobs.start(saves, order);
    await new JobRunner(workers.test.redis, workers.test.topology, saves, QUIET).run(job);
    return jobs.find(job.id);
  };
  const verify = async () => (await run({ kind: 'verify' }))?.result?.examples;
  const rebuild = async () => expect(await run({ kind: 'rebuild' })).toMatchObject({ state: 'done' });

  it('stores the profile, and the name beside it while there is one', async () => {
    await workers.project(saves, await patch({ name: 'Ada', x: 1 }));
    expect((await state()).hashes).toMatchObject({
      profiles: { ada: '1 {"name":"Ada","x":1}' },
      names: { ada: 'Ada' },
    });
    await workers.project(saves, await patch({ x: null }, { name: null }));
    const { hashes } = await state();
    expect(hashes.profiles).toEqual({ ada: '3 {}' });
    expect(hashes.names).toBeUndefined();
  });

  it('leaves a patch pending until the versions before it are applied', async () => {
    const [first, second, third] = await patch({ a: 1 }, { a: 2 }, { a: 3 });
    expect(await workers.project(saves, [third, second])).toMatchObject({ applied: 0 });
    expect(await state()).toEqual(NO_STATE);
    await workers.project(saves, [third, second, first]);
    await workers.project(saves, [third]);
    expect((await state()).hashes.profiles).toEqual({ ada: '3 {"a":3}' });
    expect(await pending()).toBe(0);
  });

  it('continues after a dead letter, with the same result as a rebuild', async () => {
    const [first, second, third] = await patch({ name: 'Ada' }, { name: 'Eve', b: 2 }, { c: 3 });
    await workers.project(saves, [first]);
    await bury(second);
    expect(await workers.project(saves, [third])).toMatchObject({ applied: 1, deferred: [] });
    const profiles = { ada: '3~2-2 {"name":"Ada","c":3}' };
    expect((await state()).hashes.profiles).toEqual(profiles);
    await expect(workers.project(saves, [second])).rejects.toThrow(PatchTooLateError);
    expect(await verify()).toEqual([]);
    await rebuild();
    expect((await state()).hashes).toMatchObject({ profiles, names: { ada: 'Ada' } });
    expect(await verify()).toEqual([]);
  });

  it('agrees with a rebuild for saves and profiles, and verify finds damage', async () => {
    const { redis } = workers.test;
    for (let i = 0; i < 60; i++) {
      const player = `p${i % 7}`;
      await workers.append('ProfilePatched', {
        player,
        patch: { name: i % 5 ? `N${i}` : null, [`f${i % 3}`]: i },
      });
      if (i % 4 === 0) await workers.append('SaveWritten', { player, slot: 'auto', document: `{"i":${i}}` });
    }
    await workers.project(saves, await patch({ name: 'Ada' }));
    const live = await state();
    expect(await verify()).toEqual([]);
    await rebuild();
    expect(await verify()).toEqual([]);
    expect(await state()).toEqual(live);
    const keys = stateKeys(workers.players, 2);
    await redis.hset(namesKey(keys), 'ada', 'Eve');
    expect(await verify()).toEqual([{ key: namesKey(keys), field: 'ada', expected: 'Ada', actual: 'Eve' }]);
    await redis.hset(namesKey(keys), { ada: 'Ada', ghost: 'Boo' });
    expect(await verify()).toMatchObject([{ key: namesKey(keys) }]);
    await redis.hdel(namesKey(keys), 'ghost');
    await redis.hset(profilesKey(keys), 'ada', '1 {"name":"Ada" }');
    expect(await verify()).toMatchObject([{ key: profilesKey(keys), field: 'ada' }]);
  });

  it('merges in version order, whatever the order of delivery to two workers', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.constantFrom('name', 'a', 'b'), fc.option(fc.string())), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.gen(),
        async (patches, any) => {
          await workers.close();
          workers = await Workers.open();
          const events = await patch(...patches);
          const share = () => any(cut, any(shuffled, events));
          expect(await workers.projectTogether(saves, [share(), share()])).toBe(events.length);
          const folded = foldOf(saves, events, workers.players);
          const { name } = JSON.parse(folded.profiles?.ada?.replace(/^\d+ /, '') ?? '');
          expect((await state()).hashes).toEqual({ ...folded, ...(name && { names: { ada: name } }) });
          expect(await pending()).toBe(0);
        },
      ),
      { numRuns: 20 },
    ));
});
