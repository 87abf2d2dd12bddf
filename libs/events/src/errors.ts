/** A stream entry cannot be decoded: it is damaged or was written by another program. It becomes a dead letter. */
export class MalformedEventError extends Error {
  readonly code = 'MALFORMED_EVENT';
  override readonly name = 'MalformedEventError';
}

/** A stream entry has an unknown event type. It was probably written by a newer Questlog. */
export class UnknownEventTypeError extends Error {
  readonly code = 'UNKNOWN_EVENT_TYPE';
  override readonly name = 'UnknownEventTypeError';

  constructor(readonly eventCode: string) {
    super(
      `unknown event code "${eventCode}", probably written by a newer Questlog: upgrade, then retry the dead letter`,
    );
  }
}
