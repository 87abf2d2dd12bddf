import type { NewEvent } from '#libs/events';
import { openTestLog, type TestLog } from '#libs/testing';
import { NoSuchBoardError, ProfileBehindError, QuotaExceededError } from '../errors.js';
import type { AppendLimits } from './append-limits.js';
import type { AppendOptions } from './append-types.js';
import { EventLog } from './event-log.js';

const SERVER = { kind: 'server', id: 'k' } as const;

describe('the limits of players', () => {
  let test: TestLog;
  let players = 0;
  let player: string;
  const own = () => ({ kind: 'player', id: player }) as const;
  const logOf = (limits: AppendLimits) => new EventLog(test.redis, test.topology, undefined, limits);

  const put = (log: EventLog, slot: string, bytes: number, actor: NewEvent['actor'] = own()) =>
    log.append({
      type: 'SaveWritten',
      data: { player, slot, document: `{"a":"${'x'.repeat(bytes - 8)}"}` },
      actor,
    });
  const remove = (log: EventLog, slot: string) =>
    log.append({ type: 'SaveDeleted', data: { player, slot }, actor: own() });
  const heads = () => {
    const keys = test.topology.of('players', player);
    return keys.versions(player);
  };
  const refusal = async (append: Promise<unknown>) => {
    const error = await append.then(
      () => undefined,
      reason => reason,
    );
    expect(error).toBeInstanceOf(QuotaExceededError);
    const { quota, limit, used } = error as QuotaExceededError;
    return { quota, limit, used };
  };

  beforeAll(async () => {
    test = await openTestLog();
  });
  beforeEach(() => {
    player = `player-${players++}`;
  });
  afterAll(() => test.close());

  describe('saves', () => {
    it('do not exceed the limit of slots, however many are written at once', async () => {
      const log = logOf({ slots: 3 });
      const written = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => put(log, `slot-${i}`, 100)),
      );
      expect(written.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
      expect(await refusal(put(log, 'another', 100))).toEqual({ quota: 'player.slots', limit: 3, used: 3 });
      expect(await put(log, 'slot-0', 100)).toMatchObject({ version: 2 });
    });

    it('count a deleted slot, because its history is kept', async () => {
      const log = logOf({ slots: 2 });
      for (const slot of ['a', 'b']) {
        await put(log, slot, 100);
        await remove(log, slot);
      }
      expect(await refusal(put(log, 'c', 100))).toMatchObject({ quota: 'player.slots', used: 2 });
      expect(await put(log, 'a', 100)).toMatchObject({ version: 3 });
    });

    it('do not exceed the limit of total bytes, however many are written at once', async () => {
      const log = logOf({ saveBytes: 1_000 });
      await Promise.allSettled(Array.from({ length: 20 }, (_, i) => put(log, `slot-${i}`, 150)));
      expect(await refusal(put(log, 'another', 150))).toEqual({
        ...{ quota: 'player.saveBytes', limit: 1_000, used: 900 },
      });
      expect(await put(log, 'fits', 100)).toMatchObject({ version: 1 });
    });

    it('can be shrunk and deleted over the limit, which makes room for others', async () => {
      await put(logOf({}), 'large', 5_000);
      const log = logOf({ saveBytes: 1_000 });
      await refusal(put(log, 'small', 10));
      await refusal(put(log, 'large', 5_001));
      expect(await put(log, 'large', 4_000)).toMatchObject({ version: 2 });
      await remove(log, 'large');
      expect(await put(log, 'small', 1_000)).toMatchObject({ version: 1 });
      await refusal(put(log, 'large', 10));
    });

    it('count UTF-8 bytes', async () => {
      const data = { player, slot: 'auto', document: `{"a":"${'ä'.repeat(100)}"}` };
      await logOf({ saveBytes: 1_000 }).append({ type: 'SaveWritten', data, actor: own() });
      expect(await test.redis.hget(heads(), '/usage')).toBe('1 208');
    });

    it('written by a key are counted, and never refused', async () => {
      const log = logOf({ slots: 1, saveBytes: 100 });
      for (const slot of ['a', 'b', 'c']) await put(log, slot, 200, SERVER);
      expect(await refusal(put(log, 'd', 10))).toEqual({ quota: 'player.slots', limit: 1, used: 3 });
      expect(await refusal(put(log, 'a', 300))).toEqual({ quota: 'player.saveBytes', limit: 100, used: 600 });
    });

    it('from an older version are counted at the next save', async () => {
      const log = logOf({ slots: 10, saveBytes: 1_000_000 });
      await put(log, 'a', 300);
      await put(log, 'b', 200_000);
      await put(log, 'gone', 50);
      await remove(log, 'gone');
      await log.append({ type: 'ProfilePatched', data: { player, patch: { name: 'Ada' } }, actor: own() });
      const known = await test.redis.hgetall(heads());
      expect(known['/usage']).toBe('3 200300');
      // As the version before this one left them.
      await test.redis.hdel(heads(), '/usage');
      for (const [part, head] of Object.entries(known))
        if (part !== '/usage') await test.redis.hset(heads(), part, head.replace(/\/\d+$/, ''));
      await put(log, 'b', 100_000);
      expect(await test.redis.hgetall(heads())).toMatchObject({ '/usage': '3 100300', a: known.a });
    });

    it('do not turn the usage into a version when the player is erased', async () => {
      await put(logOf({}), 'auto', 100);
      const { ref } = await logOf({}).append({ type: 'PlayerErased', data: { player }, actor: SERVER });
      const { ms, seq } = ref.id;
      const id = `${ms}-${seq}`;
      const [[, fields] = ['', []]] = await test.redis.xrange(
        ...([test.topology.of('players', player).stream, id, id] as const),
      );
      expect(JSON.parse(fields[fields.indexOf('d') + 1] ?? '')).toEqual({ auto: 1 });
    });

    it('get their first answer again, whatever has been used since', async () => {
      const log = logOf({ slots: 1 });
      const event: NewEvent<'SaveWritten'> = {
        ...{ type: 'SaveWritten', data: { player, slot: 'auto', document: '{}' } },
        ...{ actor: own(), idempotencyKey: 'k' },
      };
      await log.append(event);
      expect(await log.append(event)).toMatchObject({ version: 1, replayed: true });
    });
  });

  describe('profiles', () => {
    const patch = (options: AppendOptions['profile'], name = 'Ada') =>
      test.log.append(
        { type: 'ProfilePatched', data: { player, patch: { name } }, actor: own() },
        { ...(options && { profile: options }) },
      );

    it('cannot exceed their size, also by patches that are not applied yet', async () => {
      const first = { version: 0, bytes: 400, patchBytes: 400, mostBytes: 1_000 };
      await patch(first);
      await patch(first);
      await expect(patch(first)).rejects.toBeInstanceOf(ProfileBehindError);
      await patch({ version: 2, bytes: 420, patchBytes: 20, mostBytes: 1_000 });
      await patch({ version: 2, bytes: 820, patchBytes: 400, mostBytes: 1_000 }).catch(error =>
        expect(error).toBeInstanceOf(ProfileBehindError),
      );
    });
  });

  describe('scores', () => {
    const score = (board: string, options: AppendOptions) =>
      test.log.append({ type: 'ScoreSubmitted', data: { board, player, score: 1 }, actor: own() }, options);

    it('do not create a board that must exist already', async () => {
      const board = `board-${player}`;
      const closed = { definedBy: '', existingBoard: true };
      await expect(score(board, closed)).rejects.toBeInstanceOf(NoSuchBoardError);
      await score(board, { definedBy: '' });
      await score(board, closed);
    });
  });
});
