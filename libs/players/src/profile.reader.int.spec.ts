import type { PartitionKeys } from '#libs/event-log';
import type { JsonObject } from '#libs/events';
import { JobRunner, Jobs, type PlayerEvent, saves } from '#libs/maintenance';
import { Projector, stateKeys } from '#libs/projections';
import { deliver, openTestLog, QUIET, SERVER, type TestLog } from '#libs/testing';
import { namesKey } from './keys.js';
import { ProfileReader } from './profile.reader.js';

describe('ProfileReader', () => {
  let test: TestLog;
  let reader: ProfileReader;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 4 });
    reader = new ProfileReader(test.redis, test.topology);
  });
  afterEach(() => test.close());

  const patch = (player: string, patch: JsonObject) =>
    test.log.append({ type: 'ProfilePatched', data: { player, patch }, actor: SERVER });
  const project = async () => {
    for (const keys of test.topology.all(saves.stream)) {
      const events = await deliver<PlayerEvent>(test, keys, saves.name);
      await new Projector(test.redis, saves).apply(events, { keys, group: saves.name });
    }
  };

  it('returns a profile with all its patches applied', async () => {
    await patch('ada', { name: 'Ada', country: 'GB', home: { x: 1, y: 2 } });
    await patch('ada', { country: null, home: { x: null } });
    await patch('eve', { name: '\u{1F600}' });
    await project();
    expect(await reader.profile('ada')).toEqual({ version: 2, fields: { name: 'Ada', home: { y: 2 } } });
    expect(await reader.profile('eve')).toEqual({ version: 1, fields: { name: '\u{1F600}' } });
  });

  it('returns nothing for a player without a profile, also one with saves', async () => {
    const data = { player: 'bob', slot: 'profile', document: '{"name":"Bob"}' };
    await test.log.append({ type: 'SaveWritten', data, actor: SERVER });
    await project();
    expect(await reader.profile('bob')).toBeUndefined();
    expect(await reader.names(['bob'])).toEqual(new Map());
  });

  it('counts versions of the profile and of saves separately, also of a save called profile', async () => {
    const data = { player: 'bob', slot: 'profile', document: '{}' };
    await patch('bob', { name: 'Bob' });
    expect(await test.log.append({ type: 'SaveWritten', data, actor: SERVER })).toMatchObject({ version: 1 });
    expect(await patch('bob', { name: 'Bobby' })).toMatchObject({ version: 2 });
  });

  it('returns the names of up to a thousand players, for those who have one', async () => {
    const players = Array.from({ length: 1_000 }, (_, i) => `player-${i}`);
    await Promise.all(
      players.map((player, i) => patch(player, i % 3 === 0 ? { country: 'GB' } : { name: `Name ${i}` })),
    );
    await patch('player-1', { name: null });
    await patch('player-2', { name: 'x'.repeat(200) });
    await patch('player-3', { name: 'Late' });
    await patch('player-4', { name: 'a\u0000"\\$1' });
    await project();
    const names = await reader.names(players);
    expect(names.size).toBe(666);
    expect(
      ['player-0', 'player-1', 'player-2', 'player-3', 'player-4', 'player-5'].map(p => names.get(p)),
    ).toEqual([undefined, undefined, 'x'.repeat(200), 'Late', 'a\u0000"\\$1', 'Name 5']);
  });

  it('returns no names for no players, and one name for a player who is listed twice', async () => {
    await patch('ada', { name: 'Ada' });
    await project();
    expect(await reader.names([])).toEqual(new Map());
    expect(await reader.names(['ada', 'nobody', 'ada'])).toEqual(new Map([['ada', 'Ada']]));
  });

  it('returns the names of the other partitions if one fails', async () => {
    const players = Array.from({ length: 40 }, (_, i) => `player-${i}`);
    await Promise.all(players.map(player => patch(player, { name: player })));
    await project();
    const [first, second] = test.topology.all(saves.stream) as [PartitionKeys, PartitionKeys];
    const names = namesKey(stateKeys(first, 1));
    for (const key of [names, second.live(saves.name)]) {
      await test.redis.unlink(key);
      await test.redis.rpush(key, 'a list');
    }
    const healthy = players.filter(player => ![first, second].includes(test.topology.of('players', player)));
    expect(healthy.length).toBeGreaterThan(5);
    expect([...(await reader.names(players)).keys()].sort()).toEqual(healthy.sort());
  });

  it('follows a rebuild', async () => {
    await patch('ada', { name: 'Ada' });
    await project();
    expect(await reader.names(['ada'])).toEqual(new Map([['ada', 'Ada']]));
    const jobs = new Jobs(test.redis, test.topology);
    const job = await jobs.start(saves, { kind: 'rebuild' });
    await new JobRunner(test.redis, test.topology, saves, QUIET).run(job);
    expect(await jobs.find(job.id)).toMatchObject({ state: 'done' });
    expect(await reader.names(['ada'])).toEqual(new Map([['ada', 'Ada']]));
    expect(await reader.profile('ada')).toMatchObject({ fields: { name: 'Ada' } });
  });
});
