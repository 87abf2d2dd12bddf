import { CopyFinisher, EventLog } from '#libs/event-log';
import type { NewEvent } from '#libs/events';
import { leaderboards } from '#libs/leaderboards';
import { Projector, stateKeys } from '#libs/projections';
import { deliver, mortal, openTestLog, SERVER, type TestLog } from '#libs/testing';

const PARTITIONS = 3;

describe('an event that goes to every partition', () => {
  let test: TestLog;
  beforeEach(async () => {
    test = await openTestLog({ scores: PARTITIONS, players: 1 });
  });
  afterEach(() => test.close());

  const ban = (
    type: 'PlayerBanned' | 'PlayerUnbanned' = 'PlayerBanned',
    idempotencyKey?: string,
  ): NewEvent => ({
    type,
    data: { player: 'eve' },
    actor: SERVER,
    ...(idempotencyKey && { idempotencyKey }),
  });
  const noted = () => test.redis.exists(test.topology.at('scores', 0).unfinishedCopies());
  /** The number of events in each partition. */
  const lengths = () => Promise.all(test.topology.all('scores').map(keys => test.redis.xlen(keys.stream)));
  const finish = () => new CopyFinisher(test.redis, test.topology, test.log, 0).run();
  /** For each partition, whether the player is banned there. */
  const isBanned = async () => {
    const found: (string | undefined)[] = [];
    for (const keys of test.topology.all('scores')) {
      const events = await deliver(test, keys, leaderboards.name);
      await new Projector(test.redis, leaderboards).apply(events as never, {
        keys,
        group: leaderboards.name,
      });
      const rules = await test.redis.hgetall(stateKeys(keys, 1).rules());
      found.push(rules['p:eve']?.split(' ').at(-1));
    }
    return new Set(found).size === 1 ? found[0] : found;
  };

  /** Appends with a process that is killed before its n-th command, for each n. */
  const killedAnywhere = async (check: (killed: number) => Promise<void>) => {
    for (let at = 0; ; at++) {
      for (const keys of test.topology.all('scores'))
        await test.redis.unlink(
          keys.stream,
          keys.unfinishedCopies(),
          keys.live(leaderboards.name),
          stateKeys(keys, 1).rules(),
        );
      const { client } = mortal(test.redis, at);
      const outcome = await new EventLog(client, test.topology).append(ban()).then(
        () => 'done',
        (error: Error) => error.message,
      );
      if (outcome === 'done') return;
      expect(outcome).toBe('killed');
      await check(at);
    }
  };

  it('is in no partition or, within seconds, once in each, whenever the process that appends it is killed', async () => {
    const outcomes = new Set<string>();
    await killedAnywhere(async at => {
      const before = await lengths();
      await finish();
      const after = await lengths();
      outcomes.add(`${before} ${after}`);
      expect({ at, one: new Set(after).size }).toEqual({ at, one: 1 });
      expect(Math.max(...after)).toBe(Math.max(...before));
      expect(await noted()).toBe(0);
      await isBanned();
    });
    expect([...outcomes]).toEqual(expect.arrayContaining(['0,0,0 0,0,0', '1,0,0 1,1,1']));
  });

  it('is in every partition after the request is repeated, with an idempotency key and without', async () => {
    await killedAnywhere(async () => {
      await test.log.append(ban());
      const banned = await isBanned();
      expect(banned).toEqual(expect.any(String));
    });
    await expect(
      new EventLog(mortal(test.redis, 2).client, test.topology).append(ban('PlayerUnbanned', 'key')),
    ).rejects.toThrow('killed');
    const before = await lengths();
    await test.log.append(ban('PlayerUnbanned', 'key'));
    expect(await lengths()).toEqual([before[0], (before[1] ?? 0) + 1, (before[2] ?? 0) + 1]);
  });

  it('does not override a later event', async () => {
    const killed = new EventLog(mortal(test.redis, 2).client, test.topology);
    await expect(killed.append(ban())).rejects.toThrow('killed');
    expect(await lengths()).toEqual([1, 0, 0]);
    await test.log.append(ban('PlayerUnbanned'));
    const lifted = await isBanned();
    expect(await finish()).toEqual([expect.stringMatching(/^PlayerBanned \d+-\d+$/)]);
    expect(await lengths()).toEqual([2, 2, 2]);
    expect(await isBanned()).toEqual(lifted);
  });

  it('is not completed by others for a few seconds, nor after it was erased', async () => {
    const killed = new EventLog(mortal(test.redis, 2).client, test.topology);
    await expect(killed.append(ban())).rejects.toThrow('killed');
    expect(await new CopyFinisher(test.redis, test.topology, test.log).run()).toEqual([]);
    expect(await noted()).toBe(1);
    const { stream } = test.topology.at('scores', 0);
    const [[id = ''] = []] = await test.redis.xrange(stream, '-', '+');
    await test.redis.xdel(stream, id);
    expect(await finish()).toEqual([]);
    expect([await noted(), await lengths()]).toEqual([0, [0, 0, 0]]);
  });
});
