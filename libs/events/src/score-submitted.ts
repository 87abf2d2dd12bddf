import { finiteNumber, flatAttributes, text } from './checks.js';
import type { EventDefinition } from './definition.js';

/** Facts about a run that a board may show or filter by: region, class, replay id. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A player reached a score on a board. */
export interface ScoreSubmitted {
  readonly board: string;
  readonly player: string;
  /** A finite double; integers within +-(2^53 - 1). */
  readonly score: number;
  readonly attributes?: Attributes;
}

export const scoreSubmitted: EventDefinition<ScoreSubmitted> = {
  code: 's1',
  stream: 'scores',
  subject: data => data.board,
  // Which revocations of the player's entry came before it.
  follows: data => data.player,
  pack: ({ board, player, score, attributes }) =>
    attributes ? [board, player, score, attributes] : [board, player, score],
  unpack: ([board, player, score, attributes]) => ({
    board: text(board, 'board'),
    player: text(player, 'player'),
    score: finiteNumber(score, 'score'),
    ...(attributes != null && { attributes: flatAttributes(attributes) }),
  }),
};
