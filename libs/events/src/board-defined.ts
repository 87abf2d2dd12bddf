import { oneOf, text } from './checks.js';
import type { EventDefinition } from './definition.js';

export const ORDERS = ['desc', 'asc'] as const;
export const OPERATORS = ['best', 'latest', 'sum'] as const;

/** How a board ranks: which scores stand higher, and what several scores of one player make together. */
export interface BoardRules {
  readonly order: (typeof ORDERS)[number];
  readonly operator: (typeof OPERATORS)[number];
}

/** What a board is that nobody has defined: the first score makes it. */
export const DEFAULT_RULES: BoardRules = { order: 'desc', operator: 'best' };

/** An operator said how a board ranks, for all scores that it ever had or will have. */
export interface BoardDefined {
  readonly board: string;
  readonly rules: BoardRules;
}

export const boardDefined: EventDefinition<BoardDefined> = {
  code: 'b1',
  stream: 'scores',
  subject: data => data.board,
  pack: ({ board, rules: { order, operator } }) => [board, { order, operator }],
  unpack: ([board, rules]) => {
    const { order, operator } = (rules ?? {}) as Partial<BoardRules>;
    return {
      board: text(board, 'board'),
      rules: { order: oneOf(ORDERS, order, 'order'), operator: oneOf(OPERATORS, operator, 'operator') },
    };
  },
};
