import { InvalidCursorError, type Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { DocumentIndex, foldPrefix, playerOf } from '#libs/search';

export interface NameQuery {
  /** Maximum players per page. */
  readonly limit: number;
  /** The `next` of the previous page. */
  readonly cursor?: string | undefined;
}

export interface FoundPlayers {
  /** By folded name; players with the same name by id. */
  readonly players: readonly string[];
  /** The cursor of the next page, if there is one. */
  readonly next?: string;
}

/** Finds players by the beginning of their profile name. */
export class NameSearch {
  private readonly index: DocumentIndex;

  constructor(redis: RedisClient, topology: Topology) {
    this.index = new DocumentIndex(redis, topology);
  }

  /**
   * Players whose name begins with `beginning`, ignoring case. A page costs the same however many players match.
   *
   * @throws InvalidCursorError
   */
  async find(beginning: string, { limit, cursor }: NameQuery): Promise<FoundPlayers> {
    const prefix = foldPrefix(beginning);
    const { seen, after } = cursor === undefined ? { seen: 0, after: '' } : parseCursor(cursor, prefix);
    if (prefix === '') return { players: [] };
    const members = await this.index.names(prefix, after, seen, limit + 1);
    const page = members.slice(0, limit);
    const last = members.length > limit ? page.at(-1) : undefined;
    const next = last !== undefined && formatCursor(seen + limit, last);
    return { players: page.map(playerOf), ...(next && { next }) };
  }
}

/** The cursor contains the last member itself, so it stays valid after the member is deleted. */
const formatCursor = (seen: number, member: string) => Buffer.from(`${seen} ${member}`).toString('base64url');

/** @throws InvalidCursorError if the cursor is not from a page with this prefix */
function parseCursor(cursor: string, prefix: string): { seen: number; after: string } {
  const [, seen, after] = /^(\d{1,6}) (.*\0.*)$/su.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seen === undefined || !after?.startsWith(prefix)) throw new InvalidCursorError();
  return { seen: Number(seen), after };
}
