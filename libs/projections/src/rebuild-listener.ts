import type { RulesChange } from './partition-rules.js';

/**
 * Called when an event cannot be applied until a board has been rebuilt under other rules. The event stays pending
 * until then.
 *
 * @param partition the number of the board's partition
 * @param event the id of the event
 * @returns an error if the board cannot be rebuilt: then the event fails
 */
export type RebuildListener = (
  board: string,
  partition: number,
  rules: RulesChange<unknown>['fields'],
  event: string,
) => RebuildImpossibleError | undefined;

/** An event needs a rebuild that is impossible at present. It becomes a dead letter at once, since waiting does not help. */
export class RebuildImpossibleError extends Error {
  readonly code = 'REBUILD_IMPOSSIBLE';
  override readonly name = 'RebuildImpossibleError';
  /** The transport does not deliver the event again. */
  readonly isPermanent = true;

  constructor(board: string, reason: string) {
    super(
      `this event needs a rebuild of ${board}, which is impossible: ${reason}. Remove the cause, then retry this dead letter`,
    );
  }
}
