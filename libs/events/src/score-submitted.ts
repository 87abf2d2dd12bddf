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
  // A million of them go by in seconds: no destructuring, and no spreading where there is nothing to spread.
  unpack: values => {
    const board = text(values[0], 'board');
    const player = text(values[1], 'player');
    const score = finiteNumber(values[2], 'score');
    const attributes = values[3];
    if (attributes == null) return { board, player, score };
    return { board, player, score, attributes: flatAttributes(attributes) };
  },
};
