import { LogMovedError, MOVED } from '#libs/event-log';
import { defineScriptErrors } from '#libs/redis';

/** A read used a generation that is no longer the live one. */
export class StaleGenerationError extends Error {
  readonly code = 'STALE_GENERATION';
  override readonly name = 'StaleGenerationError';

  /** @param generation the live generation */
  constructor(readonly generation: number) {
    super(`generation ${generation} is live now: read that one`);
  }
}

defineScriptErrors({
  STALE_GENERATION: generation =>
    generation === MOVED ? new LogMovedError() : new StaleGenerationError(Number(generation)),
});
