import { compareEventIds, formatEventId, type RecordedEvent, unpackEvent } from '#libs/events';
import { keysLike, openTestLog, SERVER, type TestLog } from '#libs/testing';
import { IdempotencyConflictError } from '../errors.js';

describe('moderation in the event log', () => {
  let test: TestLog;
  beforeAll(async () => {
    test = await openTestLog();
  });
  afterAll(() => test.close());

  describe('numbers revocations', () => {
    const board = 'revocations';
    const submit = (player: string, on = board) =>
      test.log.append({ type: 'ScoreSubmitted', data: { board: on, player, score: 1 }, actor: SERVER });
    const revoke = (player: string) =>
      test.log.append({ type: 'EntryRevoked', data: { board, player }, actor: SERVER });
    const fieldsOf = async ({ ref }: Awaited<ReturnType<typeof submit>>) => {
      const id = formatEventId(ref.id);
      const [entry] = await test.redis.xrange(
        test.topology.at('scores', Number(ref.partition)).stream,
        id,
        id,
      );
      return entry?.[1] ?? [];
    };
    const versionOf = async (appended: Awaited<ReturnType<typeof submit>>) => {
      const fields = await fieldsOf(appended);
      return unpackEvent('1-1', fields).version;
    };

    it('and stores in each score how many came before it', async () => {
      expect(await fieldsOf(await submit('ada'))).not.toContain('v');
      expect((await revoke('ada')).version).toBe(1);
      const score = await submit('ada');
      expect(await fieldsOf(score)).toEqual(['e', expect.any(String), 'v', '1']);
      expect(score).not.toHaveProperty('version');
      expect((await revoke('ada')).version).toBe(2);
      expect(await versionOf(await submit('ada'))).toBe(2);
      expect(await versionOf(await submit('ada'))).toBe(2);
    });

    it('separately for each player and board', async () => {
      expect((await revoke('bob')).version).toBe(1);
      expect(await versionOf(await submit('bo'))).toBeUndefined();
      expect(await versionOf(await submit('bob', `${board}-2`))).toBeUndefined();
      expect(await versionOf(await submit('bob'))).toBe(1);
    });

    it('once if a revocation is repeated with its idempotency key', async () => {
      const again = () =>
        test.log.append({
          type: 'EntryRevoked',
          data: { board, player: 'eve' },
          actor: SERVER,
          idempotencyKey: 'once',
        });
      expect(await again()).toMatchObject({ version: 1, replayed: false });
      expect(await again()).toMatchObject({ version: 1, replayed: true });
      expect(await versionOf(await submit('eve'))).toBe(1);
    });
  });

  describe('appends a ban to every partition', () => {
    const ban = (
      player: string,
      idempotencyKey?: string,
      type: 'PlayerBanned' | 'PlayerUnbanned' = 'PlayerBanned',
    ) =>
      test.log.append({
        type,
        data: { player },
        actor: SERVER,
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      });
    /** The player's bans of each partition, in its order. */
    const bansOf = (player: string) =>
      Promise.all(
        test.topology.all('scores').map(async ({ stream }) => {
          const entries = await test.redis.xrange(stream, '-', '+');
          return entries
            .map(([id, fields]) => unpackEvent(id, fields))
            .filter(
              (event): event is RecordedEvent<'PlayerBanned' | 'PlayerUnbanned'> =>
                (event.type === 'PlayerBanned' || event.type === 'PlayerUnbanned') &&
                event.data.player === player,
            );
        }),
      );

    it('with the first id in all others', async () => {
      const { ref } = await ban('ada');
      const [leaders = [], ...others] = await bansOf('ada');
      expect(leaders.map(({ data }) => data)).toEqual([{ player: 'ada' }]);
      const first = leaders[0]?.id;
      for (const followers of others)
        expect(followers.map(({ data }) => data)).toEqual([{ player: 'ada', first }]);
      const ids = [...leaders, ...others.flat()].map(({ id }) => id);
      expect(ref).toMatchObject({ stream: 'scores', partition: 'all' });
      expect(ids).toContainEqual(ref.id);
      for (const id of ids) expect(compareEventIds(id, ref.id)).toBeLessThanOrEqual(0);
    });

    it('once with an idempotency key, and repeats its answer', async () => {
      const first = await ban('bob', 'key');
      expect(await ban('bob', 'key')).toEqual({ ...first, replayed: true });
      expect((await bansOf('bob')).map(list => list.length)).toEqual([1, 1]);
      await expect(ban('bob', 'key', 'PlayerUnbanned')).rejects.toThrow(IdempotencyConflictError);
    });

    it('and completes an interrupted one when it is repeated with its key', async () => {
      const [, second] = test.topology.all('scores');
      // As after a crash between the two partitions.
      const records = () => keysLike(test.redis, `${second?.stream.slice(0, -'log'.length)}idempotency:*`);
      const before = await records();
      await ban('eve', 'half');
      const [last] = (await bansOf('eve'))[1] ?? [];
      await test.redis.del((await records()).filter(key => !before.includes(key)));
      await test.redis.xdel(second?.stream ?? '', formatEventId(last?.id ?? { ms: 0, seq: 0 }));
      expect((await bansOf('eve')).map(list => list.length)).toEqual([1, 0]);
      await ban('eve', 'half');
      const [[leader] = [], [follower] = []] = await bansOf('eve');
      expect(follower?.data.first).toEqual(leader?.id);
    });
  });
});
