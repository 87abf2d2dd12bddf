import { defineScriptErrors } from '#libs/redis';

/** Another process erases by now: this one was taken for dead. */
export class EraserReplacedError extends Error {
  readonly code = 'ERASER_REPLACED';
  override readonly name = 'EraserReplacedError';

  constructor() {
    super('another process erases players by now');
  }
}

defineScriptErrors({ ERASER_REPLACED: () => new EraserReplacedError() });
