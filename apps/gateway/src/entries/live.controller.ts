import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Observable, timeout } from 'rxjs';
import { Public } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { ownPlayer } from '../auth/own-player.js';
import { ApiProblems, ApiRead } from '../http/api-docs.js';
import { assertPresent } from '../http/presence.js';
import { badValue, unavailable } from '../http/problem.js';
import { addTime } from '../http/server/deadline.js';
import { EventStream } from '../http/server/event-stream.js';
import { IdPipe } from '../http/validation/ids.js';
import { queryPipe } from '../http/validation/validation.js';
import { addressOf, networkOf } from '../limits/address.js';
import { LiveQuery } from './entries.dto.js';
import { LiveBoards, type LivePage } from './live-boards.js';
import { LiveStreams } from './live-streams.js';

/** Without a first page by then, the answer is 503 instead of a stream. */
const FIRST_PAGE_TIMEOUT_MS = 1_500;

/** Neighbours on either side of the player. */
const DEFAULT_RADIUS = 2;

@ApiTags('leaderboards')
@Public()
@Controller({ path: 'leaderboards/:board/live', version: '1' })
export class LiveController {
  constructor(
    private readonly boards: LiveBoards,
    private readonly streams: LiveStreams,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'The top of a board, live, as server-sent events',
    description:
      '`snapshot` first, then `update` with the whole page again when it has changed, at most 10 a second; `data` is as `entries` answers. With `player=me` it also has `around`, and an event is sent when that has changed, too. Comments every 15 seconds keep the connection alive.',
  })
  @ApiRead()
  @ApiProblems(401, 404, 429)
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description:
      'The `id` of the last event received, on any gateway: nothing is sent until the page is another.',
  })
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  live(
    @Param('board', IdPipe) board: string,
    @Query(queryPipe) query: LiveQuery,
    @Req() request: CallerRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const watched = this.watch(board, query, request);
    // Nothing is awaited between this check and the `close` listener, which notices clients that leave later.
    assertPresent(request);
    const release = this.streams.admit(networkOf(addressOf(request)));
    return new Promise((resolve, reject) => {
      let stream: EventStream | undefined;
      let seen = request.headers['last-event-id'];
      const show = (page: LivePage) => {
        const event = stream ? 'update' : 'snapshot';
        if (!stream) {
          addTime(request, Number.POSITIVE_INFINITY);
          stream = new EventStream(reply);
        }
        if (page.id !== seen && stream.send(page.frame(event))) seen = page.id;
        // A HEAD gets headers only.
        if (request.method === 'HEAD') stream.end();
        resolve();
      };
      const pages = watched.pipe(timeout({ first: FIRST_PAGE_TIMEOUT_MS }));
      const subscription = pages.subscribe({
        next: show,
        // A client that was cut off reconnects, and then gets the error as a problem.
        error: error => (stream ? stream.end() : reject(error)),
        complete: () => (stream ? stream.end() : reject(unavailable('this gateway is shutting down'))),
      });
      reply.raw.once('close', () => {
        release();
        subscription.unsubscribe();
        resolve();
      });
    });
  }

  /** @throws Problem 400, and 401 for `player=me` without a session */
  private watch(
    board: string,
    { limit, period, player, radius }: LiveQuery,
    request: CallerRequest,
  ): Observable<LivePage> {
    if (player === undefined && radius !== undefined)
      throw badValue('radius', 'radius is for player=me: send both, or neither', radius);
    if (player === undefined) return this.boards.watch(board, limit, period);
    const watched = { player: ownPlayer(request), radius: radius ?? DEFAULT_RADIUS };
    return this.boards.watchWith(watched, board, limit, period);
  }
}
