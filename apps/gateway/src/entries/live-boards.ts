import { createHash } from 'node:crypto';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import {
  catchError,
  defer,
  EMPTY,
  filter,
  finalize,
  from,
  map,
  type Observable,
  ReplaySubject,
  repeat,
  share,
  takeUntil,
  timer,
} from 'rxjs';
import { LeaderboardReader } from '#libs/leaderboards';
import { isRedisUnavailable } from '#libs/redis';
import { frameOf } from '../http/server/event-stream.js';
import type { EntryPage } from './entries.dto.js';
import { EntryViews } from './entry-views.js';

/** Milliseconds between two readings of a page, at least. */
const PAUSE_MS = 100;
/** The same for each page that is watched: whatever many there are, one gateway reads 500 pages in a second. */
const PAUSE_PER_PAGE_MS = 2;

/** The top of a board. */
export class LivePage {
  /** A digest of the page: the same for the same content, from every gateway. */
  readonly id: string;
  private readonly frames = new Map<string, Buffer>();

  /** @param data the page as JSON */
  constructor(readonly data: string) {
    this.id = createHash('sha256').update(data).digest('base64url').slice(0, 22);
  }

  /** The page as an event, which all who watch it share. */
  frame(event: 'snapshot' | 'update'): Buffer {
    const frame = this.frames.get(event) ?? frameOf({ event, id: this.id, data: this.data });
    this.frames.set(event, frame);
    return frame;
  }
}

/** The tops of boards as they are from moment to moment: each is read once, whoever many watch it. */
@Injectable()
export class LiveBoards implements BeforeApplicationShutdown {
  private readonly watches = new Map<string, Watch>();
  private readonly closing = new ReplaySubject<void>(1);

  constructor(
    private readonly leaderboards: LeaderboardReader,
    private readonly views: EntryViews,
  ) {}

  /**
   * A page up to ten times a second, whether it has changed or not: who missed one is served by the next. The first
   * is read after the subscription. While Redis is away there is none; at shutdown it is over.
   */
  watch(board: string, limit: number, period?: string): Observable<LivePage> {
    const key = JSON.stringify([board, limit, period]);
    return defer(() => {
      let watch = this.watches.get(key);
      if (!watch) {
        watch = new Watch(
          () => this.page(board, limit, period),
          () => Math.max(PAUSE_MS, PAUSE_PER_PAGE_MS * this.watches.size),
          () => this.watches.delete(key),
        );
        this.watches.set(key, watch);
      }
      return watch.fromNow();
    }).pipe(takeUntil(this.closing));
  }

  beforeApplicationShutdown(): void {
    this.closing.next();
  }

  private async page(board: string, length: number, period?: string): Promise<EntryPage> {
    const window = await this.leaderboards.read(board, {
      from: { offset: 0 },
      length,
      ...(period !== undefined && { period }),
    });
    return this.views.page(board, window);
  }
}

/** Reads a page again and again while somebody looks; one reading begins when the one before has ended. */
class Watch {
  private begun = 0;
  private readonly readings: Observable<{ readonly number: number; readonly page: LivePage }>;

  /**
   * @param pause milliseconds until the next reading
   * @param over called when nobody looks any more, or a reading failed for good
   */
  constructor(
    private readonly read: () => Promise<EntryPage>,
    pause: () => number,
    over: () => void,
  ) {
    this.readings = defer(() => from(this.next())).pipe(
      catchError((error: unknown) => {
        if (isRedisUnavailable(error)) return EMPTY;
        throw error;
      }),
      repeat({ delay: () => timer(pause()) }),
      finalize(over),
      share(),
    );
  }

  /** Without a reading that had begun before: it could be older than what the subscriber has seen elsewhere. */
  fromNow(): Observable<LivePage> {
    const { begun } = this;
    return this.readings.pipe(
      filter(({ number }) => number > begun),
      map(({ page }) => page),
    );
  }

  private async next() {
    const number = ++this.begun;
    return { number, page: new LivePage(JSON.stringify(await this.read())) };
  }
}
