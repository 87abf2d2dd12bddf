import { EventReader } from '#libs/event-log';
import { DEFAULT_DEFINITION } from '#libs/events';
import { BoardCatalog, type ScoreDocumentReader } from '#libs/leaderboards';
import { openTestLog, SERVER, type TestLog } from '#libs/testing';
import { AuditTrail } from './audit-trail.js';

const ALL = { limit: 100 };

describe('the audit trail', () => {
  let test: TestLog;
  let audit: AuditTrail;
  /** Of which boards there are score documents. */
  let boards: Record<string, object>;

  beforeEach(async () => {
    test = await openTestLog({ scores: 4, players: 2 });
    boards = {};
    const partitions = async () => Object.keys(boards).map(board => test.topology.of('scores', board));
    const scores = { partitions } as unknown as ScoreDocumentReader;
    const catalog = new BoardCatalog(test.redis, test.topology);
    audit = new AuditTrail(new EventReader(test.redis, test.topology), test.topology, scores, catalog);
  });
  afterEach(() => test.close());

  const submit = (board: string, player: string, score: number) => {
    boards[board] = {};
    return test.log.append({ type: 'ScoreSubmitted', data: { board, player, score }, actor: SERVER });
  };
  const define = (board: string) =>
    test.log.append({
      type: 'BoardDefined',
      data: { board, definition: DEFAULT_DEFINITION },
      actor: SERVER,
    });
  const revoke = (board: string, player: string) =>
    test.log.append({ type: 'EntryRevoked', data: { board, player }, actor: SERVER });
  const ban = (player: string) => test.log.append({ type: 'PlayerBanned', data: { player }, actor: SERVER });
  const unban = (player: string) =>
    test.log.append({ type: 'PlayerUnbanned', data: { player }, actor: SERVER });
  const save = (player: string, document = '{}') =>
    test.log.append({ type: 'SaveWritten', data: { player, slot: 'auto', document }, actor: SERVER });
  const types = async (page: ReturnType<AuditTrail['ofPlayer']>) =>
    (await page).events.map(({ type }) => type);

  /** Two boards of one partition. */
  const neighbours = () => {
    const [first = '', ...rest] = Array.from({ length: 50 }, (_, i) => `board-${i}`);
    const partitionOf = (board: string) => test.topology.of('scores', board).partition;
    return [first, rest.find(board => partitionOf(board) === partitionOf(first)) ?? ''] as const;
  };

  it('of a board has its scores, revocations and definitions, and none of other boards', async () => {
    const [board, other] = neighbours();
    await define(board);
    await submit(board, 'ada', 1);
    await submit(other, 'ada', 2);
    await define(other);
    await revoke(board, 'ada');
    await ban('ada');
    expect(await types(audit.ofBoard(board, undefined, ALL))).toEqual([
      'EntryRevoked',
      'ScoreSubmitted',
      'BoardDefined',
    ]);
  });

  it("of a player on a board has the player's events there, and the bans", async () => {
    const [board, other] = neighbours();
    await define(board);
    await submit(board, 'ada', 1);
    await submit(board, 'bob', 2);
    await submit(other, 'ada', 3);
    await ban('ada');
    await ban('bob');
    await unban('ada');
    await revoke(board, 'ada');
    expect(await types(audit.ofBoard(board, 'ada', ALL))).toEqual([
      'EntryRevoked',
      'PlayerUnbanned',
      'PlayerBanned',
      'ScoreSubmitted',
    ]);
  });

  it('of a player has saves, and scores of all boards, and each ban once', async () => {
    for (const board of ['a', 'b', 'c', 'd', 'e']) await submit(board, 'ada', 1);
    await submit('a', 'bob', 1);
    await save('ada', '{"n":9007199254740993}');
    await save('bob');
    await ban('ada');
    await revoke('c', 'ada');
    await unban('ada');
    const { events } = await audit.ofPlayer('ada', ALL);
    const found = events.map(event => [event.type, event.type && event.data.board]);
    // Within a millisecond, events of different partitions have no order.
    expect(found.sort()).toEqual(
      [
        ['EntryRevoked', 'c'],
        ['PlayerBanned', undefined],
        ['PlayerUnbanned', undefined],
        ['SaveWritten', undefined],
        ...['a', 'b', 'c', 'd', 'e'].map(board => ['ScoreSubmitted', board]),
      ].sort(),
    );
    const saved = events.find(({ type }) => type === 'SaveWritten');
    expect(saved).toMatchObject({ version: 1, data: { slot: 'auto', document: '{"n":9007199254740993}' } });
    const times = events.map(event => event.type && event.at);
    expect(times).toEqual([...times].sort().reverse());
  });

  it('of a player has pages over all partitions, and stays complete while events are appended', async () => {
    const expected: string[] = [];
    for (let score = 1; score <= 20; score++) {
      await submit(`board-${score % 5}`, 'ada', score);
      expected.push(`ScoreSubmitted ${score}`);
      if (score % 4 === 0) {
        await save('ada', `{"n":${score}}`);
        expected.push(`SaveWritten {"n":${score}}`);
      }
    }
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const { events, next } = await audit.ofPlayer('ada', { limit: 3, cursor });
      for (const event of events)
        found.push(`${event.type} ${event.type && (event.data.score ?? event.data.document)}`);
      cursor = next;
      // Also on a board in a partition that had none of the player's before.
      await submit(`new-${found.length}`, 'ada', 1_000);
      await save('ada', '{"new":1}');
    } while (cursor !== undefined);
    expect(found.sort()).toEqual(expected.sort());
  });

  it('of an unknown player is empty', async () => {
    await submit('a', 'bob', 1);
    boards = {};
    expect(await audit.ofPlayer('ada', ALL)).toEqual({ events: [] });
    expect(await audit.ofBoard('nowhere', 'ada', ALL)).toEqual({ events: [] });
  });
});
