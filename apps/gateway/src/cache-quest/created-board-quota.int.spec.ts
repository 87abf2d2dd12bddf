import { QuotaExceededError } from '#libs/event-log';
import { openTestLog, type TestLog } from '#libs/testing';
import { CreatedBoardQuota } from './created-board-quota.js';

describe('the boards that Cache Quest creates', () => {
  let test: TestLog;

  beforeEach(async () => {
    test = await openTestLog();
  });
  afterEach(() => test.close());

  const madeBoards = (limit: number, now?: () => number) =>
    new CreatedBoardQuota(test.redis, test.topology, limit, now);

  it('never exceed the limit, however many are created at once', async () => {
    const made = madeBoards(3);
    const added = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => made.add(`board-${i}`)));
    expect(added.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    for (const outcome of added)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ quota: 'CACHE_QUEST_BOARDS', limit: 3, used: 3 });
  });

  it('count once', async () => {
    const made = madeBoards(1);
    await made.add('board');
    await made.add('board');
    await expect(made.add('other')).rejects.toBeInstanceOf(QuotaExceededError);
  });

  it('do not count after an operator has removed them', async () => {
    const made = madeBoards(2);
    for (const board of ['kept', 'removed']) {
      await made.add(board);
      await test.log.append(
        {
          type: 'ScoreSubmitted',
          data: { board, player: 'ada', score: 1 },
          actor: { kind: 'player', id: 'ada' },
        },
        { definedBy: '' },
      );
    }
    const removal = { board: 'removed' };
    await test.log.append({ type: 'BoardRemoved', data: removal, actor: { kind: 'admin', id: 'k' } });
    // A board that has just been counted has no score yet: nobody can tell it from one that was removed.
    await expect(madeBoards(2).add('new')).rejects.toBeInstanceOf(QuotaExceededError);
    const later = () => Date.now() + 10 * 60_000;
    await madeBoards(2, later).add('new');
    await expect(madeBoards(2).add('another')).rejects.toBeInstanceOf(QuotaExceededError);
  });
});
