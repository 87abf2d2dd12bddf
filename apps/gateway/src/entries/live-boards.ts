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

/** The shortest pause between two reads of a page. */
const PAUSE_MS = 100;
/** The pause grows by this for each watched page, so that one gateway reads at most 500 pages a second. */
const PAUSE_PER_PAGE_MS = 2;

/** The top of a board at one moment. */
export class LivePage {
  /** A digest of the content. Every gateway computes the same one. */
  readonly id: string;
  private readonly frames = new Map<string, Buffer>();

  /** @param data the page as JSON */
  constructor(readonly data: string) {
    this.id = createHash('sha256').update(data).digest('base64url').slice(0, 22);
  }

  /** The page as a server-sent event. All clients share one buffer. */
  frame(event: 'snapshot' | 'update'): Buffer {
    const frame = this.frames.get(event) ?? frameOf({ event, id: this.id, data: this.data });
    this.frames.set(event, frame);
    return frame;
  }
}

/** Reads each watched page again and again, once for all clients that watch it. */
@Injectable()
export class LiveBoards implements BeforeApplicationShutdown {
  private readonly watches = new Map<string, Watch>();
  private readonly closing = new ReplaySubject<void>(1);

  constructor(
    private readonly leaderboards: LeaderboardReader,
    private readonly views: EntryViews,
  ) {}

  /**
   * Emits the page up to ten times a second, changed or not: a client that missed one gets the next. The first page is read
   * after the subscription. While Redis is away nothing is emitted. At shutdown the Observable completes.
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

/** Reads one page while it has subscribers. A read begins after the previous one has ended. */
class Watch {
  private begun = 0;
  private readonly readings: Observable<{ readonly number: number; readonly page: LivePage }>;

  /**
   * @param pause milliseconds until the next read
   * @param over called when there are no subscribers left, or a read failed for good
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

  /** Leaves out a read that began before: it could be older than what the subscriber has seen already. */
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
