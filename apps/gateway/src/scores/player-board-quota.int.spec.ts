import { QuotaExceededError } from '#libs/event-log';
import { scoreDocuments } from '#libs/leaderboards';
import { scoredBoardsKey } from '#libs/players';
import { Projector } from '#libs/projections';
import { appendScores, deliver, openTestLog, type TestLog } from '#libs/testing';
import { PlayerBoardQuota } from './player-board-quota.js';

describe('the boards of a player', () => {
  let test: TestLog;

  beforeAll(async () => {
    test = await openTestLog({ scores: 3, players: 2 });
  });
  afterAll(() => test.close());

  const boardsOf = (limit: number) => new PlayerBoardQuota(test.redis, test.topology, limit);

  it('are counted from the score documents when the count is missing', async () => {
    const boards = ['north', 'south', 'east', 'west'];
    await appendScores(
      test,
      boards.map(board => ({ board, player: 'ada', score: 1 })),
    );
    const projector = new Projector(test.redis, scoreDocuments);
    for (const keys of test.topology.all('scores')) {
      const events = await deliver(test, keys, scoreDocuments.name);
      await projector.apply(events as never, { keys, group: scoreDocuments.name });
    }
    await expect(boardsOf(4).add('ada', 'new')).rejects.toMatchObject({
      ...{ code: 'QUOTA_EXCEEDED', quota: 'player.boards', limit: 4, used: 4 },
    });
    for (const board of boards) expect(await boardsOf(4).add('ada', board)).toBe(false);
    expect(await boardsOf(5).add('ada', 'new')).toBe(true);
  });

  it('never exceed the limit, however many gateways count', async () => {
    const gateways = Array.from({ length: 4 }, () => boardsOf(5));
    const added = await Promise.allSettled(
      gateways.flatMap((gateway, g) =>
        Array.from({ length: 8 }, (_, i) => gateway.add('bob', `board-${g}-${i}`)),
      ),
    );
    expect(added.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    for (const outcome of added)
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(QuotaExceededError);
  });

  it('are uncounted when they turn out not to exist', async () => {
    const gateway = boardsOf(1);
    expect(await gateway.add('cleo', 'a')).toBe(true);
    await gateway.remove('cleo', 'a');
    expect(await gateway.add('cleo', 'b')).toBe(true);
  });

  it('are not counted without a limit', async () => {
    const gateway = new PlayerBoardQuota(test.redis, test.topology, undefined);
    expect(await gateway.add('dora', 'a')).toBe(false);
    expect(await test.redis.exists(scoredBoardsKey(test.topology.of('players', 'dora'), 'dora'))).toBe(0);
  });
});
