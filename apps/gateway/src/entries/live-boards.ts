import { createHash } from 'node:crypto';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  finalize,
  firstValueFrom,
  from,
  map,
  type Observable,
  of,
  ReplaySubject,
  repeat,
  share,
  takeUntil,
  timer,
} from 'rxjs';
import { LeaderboardReader } from '#libs/leaderboards';
import { isRedisUnavailable } from '#libs/redis';
import { frameOf } from '../http/server/event-stream.js';
import type { EntriesAround, EntryPage } from './entries.dto.js';
import { EntryViews } from './entry-views.js';

/** The shortest pause between two reads of a page. */
const PAUSE_MS = 100;
/**
 * The pause grows by this for each watched page, and for each watched player, so that one gateway reads at most 500 pages, and
 * 500 times around players, a second.
 */
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

/** A player whose neighbours are shown beside the page. */
export interface WatchedPlayer {
  readonly player: string;
  readonly radius: number;
}

/** Reads each watched page again and again, once for all clients that watch it. */
@Injectable()
export class LiveBoards implements BeforeApplicationShutdown {
  private readonly watches = new Map<string, Watch>();
  private readonly players = new Map<string, Watch>();
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
    return this.page$(board, limit, period, watch => watch.fromNow());
  }

  /**
   * Like `watch`, with the entries around a player, which are read once for all streams of the player. The page is the one that
   * others watch, too.
   */
  watchWith(watched: WatchedPlayer, board: string, limit: number, period?: string): Observable<LivePage> {
    const open = (): Source => {
      const latest = new ReplaySubject<LivePage>(1);
      const pages = this.page$(board, limit, period, watch => watch.fromLast()).subscribe(latest);
      const read = async () => {
        const around = await this.around(watched, board, period);
        const { data } = await firstValueFrom(latest);
        return `${data.slice(0, -1)},"around":${JSON.stringify(around)}}`;
      };
      return { read, close: () => pages.unsubscribe() };
    };
    const key = JSON.stringify([board, limit, period, watched]);
    // With many players, the next read can be seconds away.
    return this.shared(this.players, key, open, watch => watch.fromLast());
  }

  private page$(board: string, limit: number, period: string | undefined, pagesOf: PagesOf) {
    const read = async () => JSON.stringify(await this.page(board, limit, period));
    const key = JSON.stringify([board, limit, period]);
    return this.shared(this.watches, key, () => ({ read, close: () => {} }), pagesOf);
  }

  private shared(
    watches: Map<string, Watch>,
    key: string,
    open: () => Source,
    pagesOf: PagesOf,
  ): Observable<LivePage> {
    return defer(() => {
      let watch = watches.get(key);
      if (!watch) {
        const { read, close } = open();
        watch = new Watch(
          read,
          () => Math.max(PAUSE_MS, PAUSE_PER_PAGE_MS * watches.size),
          () => {
            watches.delete(key);
            close();
          },
        );
        watches.set(key, watch);
      }
      return pagesOf(watch);
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

  /** Null for a player without an entry. */
  private async around(
    { player, radius }: WatchedPlayer,
    board: string,
    period?: string,
  ): Promise<EntriesAround | null> {
    const { entries } = await this.leaderboards.read(board, {
      from: { around: player },
      length: 2 * radius + 1,
      ...(period !== undefined && { period }),
    });
    const own = entries.find(entry => entry.player === player);
    return own ? { rank: own.rank, entries: await this.views.of(entries) } : null;
  }
}

type PagesOf = (watch: Watch) => Observable<LivePage>;

interface Source {
  /** The page as JSON. */
  readonly read: () => Promise<string>;
  /** Called when nobody watches any more. */
  readonly close: () => void;
}

/** Reads one page while it has subscribers. A read begins after the previous one has ended. */
class Watch {
  private begun = 0;
  private last: LivePage | undefined;
  private readonly readings: Observable<{ readonly number: number; readonly page: LivePage }>;

  /**
   * @param pause milliseconds until the next read
   * @param over called when there are no subscribers left, or a read failed for good
   */
  constructor(
    private readonly read: () => Promise<string>,
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

  /** Begins with the last page at once, if there is one. */
  fromLast(): Observable<LivePage> {
    const pages = this.readings.pipe(map(({ page }) => page));
    return this.last ? concat(of(this.last), pages) : pages;
  }

  private async next() {
    const number = ++this.begun;
    const page = new LivePage(await this.read());
    this.last = page;
    return { number, page };
  }
}
