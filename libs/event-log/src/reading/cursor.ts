import { type EventId, formatEventId, parseEventId } from '#libs/events';

/** Where an entry stands among those of several streams: newest first, those of one id by the names of their streams. */
export interface Position {
  /** The stream's name. */
  readonly source: string;
  readonly id: EventId;
}

/** A cursor that no `next` was. */
export class InvalidCursorError extends Error {
  readonly code = 'INVALID_CURSOR';
  override readonly name = 'InvalidCursorError';

  constructor() {
    super('the cursor is not one that a page gave as `next`');
  }
}

/** A position as clients hold it: opaque. It stays what it is however many entries come later. */
export function formatCursor({ source, id }: Position): string {
  return Buffer.from(`${source} ${formatEventId(id)}`).toString('base64url');
}

/** @throws InvalidCursorError */
export function parseCursor(cursor: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, source, id] = /^(\S+) (\S+)$/.exec(text) ?? [];
  if (!source || !id) throw new InvalidCursorError();
  try {
    return { source, id: parseEventId(id) };
  } catch {
    throw new InvalidCursorError();
  }
}
