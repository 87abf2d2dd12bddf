import type { BoardDefinition, NewEvent } from '#libs/events';
import { eventually } from '#libs/testing';
import { accepted, eventIdOf, Sender } from './clients/sender.js';
import type { BoardRules } from './model.js';
import type { Random } from './random.js';
import type { World } from './world.js';

/** Boards that nobody defines. */
const PLAIN_BOARDS = ['plain', 'plain-2', 'plain-3'];

/** The board that is defined anew during a run; the others keep their first definition. */
export const CHANGING_BOARD = 'changing';

/** Boards that are defined before their first score. */
const DEFINED_BOARDS: Readonly<Record<string, BoardRules>> = {
  'best-desc': { order: 'desc', operator: 'best' },
  'best-asc': { order: 'asc', operator: 'best' },
  'latest-desc': { order: 'desc', operator: 'latest' },
  'latest-asc': { order: 'asc', operator: 'latest' },
  'sum-desc': { order: 'desc', operator: 'sum' },
  'sum-asc': { order: 'asc', operator: 'sum' },
  [CHANGING_BOARD]: { order: 'desc', operator: 'best' },
};

/** Boards that the model does not know: that they are what the log makes of them, `verify` says. */
const VERIFIED_BOARDS: Readonly<Record<string, Partial<BoardDefinition>>> = {
  'minutely-sum': { source: 'best-desc', operator: 'sum', reset: '* * * * *', keepPeriods: 1 },
  'dense-last': { source: 'plain', ranking: 'dense', tieBreak: 'last' },
  'dense-ranks': { source: 'latest-desc', operator: 'latest', ranking: 'dense', tieBreak: 'none' },
};

/** Whether the event defines one of them. */
export function isOfVerifiedBoard(event: NewEvent | undefined): boolean {
  return event?.type === 'BoardDefined' && 'board' in event.data && event.data.board in VERIFIED_BOARDS;
}

/** Milliseconds for a definition to take effect: a board with scores is rebuilt first. */
const EFFECT = 120_000;
/** Milliseconds between two looks at a board. */
const INTERVAL = 250;

export function boardNames({ definitions }: { definitions: boolean }): string[] {
  return [...PLAIN_BOARDS, ...(definitions ? Object.keys(DEFINED_BOARDS) : [])];
}

/** Defines the boards, and waits until they are so. */
export async function defineBoards(world: World, random: Random): Promise<void> {
  const sender = new Sender(world, 'definitions', random);
  for (const [board, rules] of Object.entries(DEFINED_BOARDS)) {
    const eventId = await define(sender, board, rules);
    world.model.definedFirst(eventId, board, rules);
    await untilRanked(world, board, { 'If-Applied': eventId });
  }
  for (const [board, definition] of Object.entries(VERIFIED_BOARDS)) await define(sender, board, definition);
}

/** @returns the event's id */
async function define(sender: Sender, board: string, definition: Partial<BoardDefinition>): Promise<string> {
  const request = {
    method: 'PUT' as const,
    path: `/v1/leaderboards/${board}`,
    body: JSON.stringify(definition),
  };
  const answer = await sender.send(request, [200, 202], 'admin');
  if (!accepted(answer)) throw new Error(`${board} cannot be defined: ${answer.status} ${answer.text}`);
  return eventIdOf(answer);
}

/** Waits until the board ranks by the definition that was acknowledged last; until it is rebuilt, it does not. */
export async function untilRedefined(world: World): Promise<void> {
  await untilRanked(world, CHANGING_BOARD, {});
}

async function untilRanked({ model, gateways }: World, board: string, headers: Record<string, string>) {
  const { order, operator } = model.board(board).rules;
  const look = async () => {
    const answer = await gateways.read({ path: `/v1/leaderboards/${board}`, headers }, [200]);
    const rules = JSON.parse(answer?.text ?? '{}') as Partial<BoardDefinition>;
    if (rules.order !== order || rules.operator !== operator)
      throw new Error(`${board} does not rank by ${operator} ${order}: ${answer?.text ?? 'no answer'}`);
  };
  await eventually(look, EFFECT, INTERVAL);
}
