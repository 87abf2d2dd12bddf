import type { Gateways } from '../gateways.js';
import type { Model } from '../model.js';
import type { Check } from '../report.js';

/** Small, so that a board has several pages. */
const PAGE = 50;

interface Line {
  readonly rank: number;
  readonly player: string;
  readonly score: number;
}

interface Page {
  readonly total: number;
  readonly entries: readonly Line[];
  readonly next?: string;
}

/** A board from its first page to its last. */
export interface BoardReading {
  readonly board: string;
  readonly totals: readonly number[];
  readonly lines: readonly Line[];
}

/** @throws Error when a page cannot be read */
export async function readBoards(gateways: Gateways, model: Model): Promise<BoardReading[]> {
  return Promise.all([...model.boards.keys()].map(board => readBoard(gateways, board)));
}

async function readBoard(gateways: Gateways, board: string): Promise<BoardReading> {
  const lines: Line[] = [];
  const totals: number[] = [];
  let cursor: string | undefined;
  do {
    const query = `limit=${PAGE}${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const answer = await gateways.read({ path: `/v1/leaderboards/${board}/entries?${query}` }, [200]);
    if (answer?.status !== 200) throw new Error(`${board} cannot be read: ${answer?.text ?? 'no answer'}`);
    const page = JSON.parse(answer.text) as Page;
    lines.push(...page.entries);
    totals.push(page.total);
    cursor = page.next;
  } while (cursor !== undefined);
  return { board, totals, lines };
}

/** Every board has the players and scores that the model says, in their order, and nobody else. */
export function checkBoards(readings: readonly BoardReading[], model: Model, when: string): Check {
  const differences = readings.flatMap(reading =>
    [...compareScores(reading, model), ...compareOrder(reading, model)].map(
      text => `${reading.board}: ${text}`,
    ),
  );
  const checked = readings.reduce((sum, { lines }) => sum + lines.length, 0);
  return { name: `boards equal the model${when}`, checked, differences };
}

/** Two readings of the same boards say the same, down to ranks and times. */
export function checkSame(before: readonly BoardReading[], after: readonly BoardReading[]): Check {
  const differences = before.flatMap(({ board, lines }, i) => {
    const others = after[i]?.lines ?? [];
    return lines.flatMap((line, index) => {
      const [was, is] = [JSON.stringify(line), JSON.stringify(others[index])];
      return was === is ? [] : [`${board}: ${was} before, ${is} after`];
    });
  });
  const checked = before.reduce((sum, { lines }) => sum + lines.length, 0);
  return { name: 'rebuilt boards read the same as before', checked, differences };
}

function compareScores({ board, lines, totals }: BoardReading, model: Model): string[] {
  const expected = model.standings(board);
  const actual = new Map(lines.map(({ player, score }) => [player, score]));
  const differences: string[] = [];
  if (actual.size < lines.length) differences.push(`${lines.length - actual.size} entries more than players`);
  for (const [player, score] of expected) {
    if (actual.get(player) !== score)
      differences.push(`${player} has ${actual.get(player) ?? 'no entry'} instead of ${score}`);
  }
  for (const [player, score] of actual) {
    if (!expected.has(player)) differences.push(`${player} has ${score} instead of no entry`);
  }
  const wrongTotal = totals.find(total => total !== expected.size);
  if (wrongTotal !== undefined) differences.push(`a total of ${wrongTotal} instead of ${expected.size}`);
  return differences;
}

function compareOrder({ board, lines }: BoardReading, model: Model): string[] {
  const direction = model.board(board).rules.order === 'desc' ? 1 : -1;
  return lines.flatMap(({ player, score, rank }, i) => {
    const above = lines[i - 1];
    if (above && (above.score - score) * direction < 0)
      return [`${player} with ${score} stands below ${above.player} with ${above.score}`];
    // Equal scores share a rank, and the next one counts them all.
    const expected = above?.score === score ? above.rank : i + 1;
    return rank === expected ? [] : [`${player} has rank ${rank} instead of ${expected}`];
  });
}
