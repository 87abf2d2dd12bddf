import type { Attributes } from '../attributes.js';
import { asAttributes, asFiniteNumber, asString } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';

/** A player reached a score on a board. */
export interface ScoreSubmitted {
  readonly board: string;
  readonly player: string;
  /** A finite double. Integers must be within ±(2^53 − 1). */
  readonly score: number;
  readonly attributes?: Attributes;
}

export const scoreSubmitted: EventDefinition<ScoreSubmitted> = {
  code: 's1',
  stream: 'scores',
  subject: data => data.board,
  // The score carries the number of the latest revocation before it.
  readsVersionOf: data => data.player,
  pack: ({ board, player, score, attributes }) =>
    attributes ? [board, player, score, attributes] : [board, player, score],
  // No destructuring or spreading: a replay unpacks millions of scores.
  unpack: values => {
    const board = asString(values[0], 'board');
    const player = asString(values[1], 'player');
    const score = asFiniteNumber(values[2], 'score');
    const attributes = values[3];
    if (attributes == null) return { board, player, score };
    return { board, player, score, attributes: asAttributes(attributes) };
  },
};
