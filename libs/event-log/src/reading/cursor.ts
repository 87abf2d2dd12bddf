import { type EventId, formatEventId, parseEventId } from '#libs/events';

/** The position of an entry in several merged streams: newest first, and entries with equal ids by the name of their stream. */
export interface Position {
  /** The stream's name. */
  readonly source: string;
  readonly id: EventId;
}

/** The cursor is not the `next` of any page. */
export class InvalidCursorError extends Error {
  readonly code = 'INVALID_CURSOR';
  override readonly name = 'InvalidCursorError';

  constructor() {
    super('the cursor is not one that a page gave as `next`');
  }
}

/** Formats a position as an opaque cursor. It stays valid however many entries are added later. */
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
