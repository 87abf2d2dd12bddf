import { LogMovedError, MOVED } from '#libs/event-log';
import { defineScriptErrors } from '#libs/redis';

/** A generation of projected state was asked for that is not the live one any more. */
export class StaleGenerationError extends Error {
  readonly code = 'STALE_GENERATION';
  override readonly name = 'StaleGenerationError';

  /** @param generation the live one */
  constructor(readonly generation: number) {
    super(`generation ${generation} is live by now`);
  }
}

defineScriptErrors({
  STALE_GENERATION: generation =>
    generation === MOVED ? new LogMovedError() : new StaleGenerationError(Number(generation)),
});
