/** A stream entry that is no event: not written by this program, or damaged. It belongs in the dead letters. */
export class MalformedEventError extends Error {
  readonly code = 'MALFORMED_EVENT';
  override readonly name = 'MalformedEventError';
}

/** A stream entry of a type that this program does not know, probably written by a newer one. */
export class UnknownEventTypeError extends Error {
  readonly code = 'UNKNOWN_EVENT_TYPE';
  override readonly name = 'UnknownEventTypeError';

  constructor(readonly eventCode: string) {
    super(`no event has the code "${eventCode}": was it written by a newer Questlog? Upgrade, then retry it`);
  }
}
