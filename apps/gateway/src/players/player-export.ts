import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { BoardCatalog } from '#libs/event-log';
import { LeaderboardReader, ProfileReader, SaveReader, ScoreDocumentReader } from '#libs/projections';
import { AuditTrail } from '../admin/audit-trail.js';
import { Credentials } from '../auth/credentials.js';
import { Sessions } from '../auth/sessions.js';
import { unavailable } from '../http/problem.js';
import { EntryViews } from '../leaderboards/entry-views.js';

/** Exports at a time, on one gateway: each holds a page of events, and reads through the log. */
const MAX_EXPORTS = 4;
/** Events in a page, at most; what is in them is limited besides. */
const PAGE_EVENTS = 1_000;

/** Characters after which others have a turn of the event loop: to a fast client, pieces go one after the other. */
const TURN_CHARACTERS = 256 * 1024;

/** All that is held on a player, as one JSON document in pieces. */
@Injectable()
export class PlayerExport {
  private exports = 0;

  constructor(
    private readonly profiles: ProfileReader,
    private readonly saves: SaveReader,
    private readonly scores: ScoreDocumentReader,
    private readonly catalog: BoardCatalog,
    private readonly leaderboards: LeaderboardReader,
    private readonly views: EntryViews,
    private readonly sessions: Sessions,
    private readonly credentials: Credentials,
    private readonly audit: AuditTrail,
  ) {}

  /**
   * The first piece is read before it is answered, so that an export that cannot begin is an error.
   *
   * @throws Problem 503 when too many are under way
   */
  async begin(player: string): Promise<Readable> {
    if (this.exports >= MAX_EXPORTS) throw unavailable('other exports are under way; try again in a moment');
    this.exports += 1;
    const end = () => {
      this.exports -= 1;
    };
    try {
      const head = await this.head(player);
      return Readable.from(inTurns(this.pieces(player, head)), { objectMode: false }).once('close', end);
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Nothing is read before somebody asks for it: a client that reads slowly holds one piece. */
  private async *pieces(player: string, head: object): AsyncGenerator<string> {
    yield `${JSON.stringify(head).slice(0, -1)},"saves":[`;
    yield* this.documents(player);
    yield '],"events":[';
    yield* this.events(player);
    yield ']}';
  }

  private async head(player: string): Promise<object> {
    const [profile, scores, boards, banned, sessions, hasSecret] = await Promise.all([
      this.profiles.profile(player),
      this.scores.find(player),
      this.scores.boards(player),
      this.leaderboards.isBanned(player),
      this.sessions.endsOf(player),
      this.credentials.isKnown(player),
    ]);
    const entries = await this.leaderboards.entriesOf(player, await this.catalog.withDerived(boards));
    return {
      player,
      exportedAt: new Date().toISOString(),
      profile: profile?.fields ?? null,
      hasSecret,
      sessions: sessions.map(end => ({ expiresAt: end.toISOString() })),
      banned,
      scores,
      entries: await this.views.standings(entries),
    };
  }

  /** A document stands there as it was written. */
  private async *documents(player: string): AsyncGenerator<string> {
    let comma = '';
    for (const { slot } of await this.saves.list(player)) {
      const save = await this.saves.find(player, slot);
      if (!save) continue;
      const { document, ...about } = save;
      yield `${comma}${JSON.stringify({ slot, ...about }).slice(0, -1)},"document":${document}}`;
      comma = ',';
    }
  }

  /** Newest first. */
  private async *events(player: string): AsyncGenerator<string> {
    let comma = '';
    let cursor: string | undefined;
    do {
      const { events, next } = await this.audit.allOfPlayer(player, { limit: PAGE_EVENTS, cursor });
      for (const event of events) {
        yield comma + JSON.stringify(event);
        comma = ',';
      }
      cursor = next;
    } while (cursor !== undefined);
  }
}

async function* inTurns(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let characters = 0;
  for await (const piece of pieces) {
    yield piece;
    characters += piece.length;
    if (characters < TURN_CHARACTERS) continue;
    await nextTurn();
    characters = 0;
  }
}
