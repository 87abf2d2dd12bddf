import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { BoardCatalog, LeaderboardReader, ScoreDocumentReader } from '#libs/leaderboards';
import { ProfileReader } from '#libs/players';
import { SaveReader } from '#libs/saves';
import { Credentials } from '../auth/credentials.js';
import { Sessions } from '../auth/sessions.js';
import { EntryViews } from '../entries/entry-views.js';
import { unavailable } from '../http/problem.js';
import { BulkGate } from '../limits/bulk-gate.js';
import { OpenCounter } from '../limits/open-counter.js';
import { AuditTrail } from '../operators/audit-trail.js';

/** Open exports of a gateway, at most: each holds some events of every partition and a save in memory. */
const MAX_EXPORTS = 32;
/** Open exports of one player, at most, so that slow readers do not block other players. */
const MAX_PLAYER_EXPORTS = 2;
/** Exports that read from Redis at a time. An export that waits for its client does not count. */
const MAX_READING = 4;

/** After this many characters, other requests get a turn of the event loop, even if the client reads fast. */
const TURN_CHARACTERS = 256 * 1024;

/** Streams everything that is stored about a player as one JSON document. */
@Injectable()
export class PlayerExport {
  private readonly open = new OpenCounter();
  private readonly reading = new BulkGate(MAX_READING, MAX_EXPORTS, Number.POSITIVE_INFINITY);

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
   * Reads the first piece before the answer begins, so that an export that cannot start is answered with an error.
   *
   * @throws Problem 503 when too many are open
   */
  async begin(player: string): Promise<Readable> {
    const close = this.admit(player);
    try {
      const head = await this.reading.run(() => this.head(player));
      const pieces = inTurns(this.pieces(player, head));
      return Readable.from(pieces, { objectMode: false }).once('close', close);
    } catch (error) {
      close();
      throw error;
    }
  }

  private admit(player: string): () => void {
    if (this.open.of(player) >= MAX_PLAYER_EXPORTS)
      throw unavailable('other exports of this player are under way');
    if (this.open.total >= MAX_EXPORTS)
      throw unavailable('other exports are under way; try again in a moment');
    return this.open.open(player);
  }

  /**
   * Reads on demand, so a slow client holds one piece in memory. While the log has only events of others, it sends white space to show
   * that the export goes on.
   */
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

  /** Documents are included as they were written. */
  private async *documents(player: string): AsyncGenerator<string> {
    let comma = '';
    for (const { slot } of await this.reading.run(() => this.saves.list(player))) {
      const save = await this.reading.run(() => this.saves.find(player, slot));
      if (!save) continue;
      const { document, ...about } = save;
      yield `${comma}${JSON.stringify({ slot, ...about }).slice(0, -1)},"document":${document}}`;
      comma = ',';
    }
  }

  /** Newest first. */
  private async *events(player: string): AsyncGenerator<string> {
    const events = this.audit.allOfPlayer(player);
    let comma = '';
    try {
      for (;;) {
        const { done, value: event } = await this.reading.run(() => events.next());
        if (done) return;
        yield event ? comma + JSON.stringify(event) : '\n';
        if (event) comma = ',';
      }
    } finally {
      await events.return();
    }
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
