import type { Actor, RecordedEvent } from '#libs/events';

export const SERVER: Actor = { kind: 'server', id: 'test' };

/** A score event with an id of its own: `ms-seq`. */
export function scoreSubmitted(
  data: { board?: string; player: string; score: number },
  ms: number,
  seq = 0,
): RecordedEvent<'ScoreSubmitted'> {
  return { type: 'ScoreSubmitted', id: { ms, seq }, actor: SERVER, data: { board: 'board', ...data } };
}
