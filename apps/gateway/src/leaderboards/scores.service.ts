import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Actor, compareEventIds } from '#libs/events';
import { LeaderboardReader } from '#libs/projections';
import { PlayerPipe } from '../http/ids.js';
import { badRequest, Problem } from '../http/problem.js';
import { WriteService } from '../http/write.service.js';
import type { SubmitScoreBody } from './leaderboards.dto.js';

const playerPipe = new PlayerPipe();

/** Decides whether a score may be submitted, and submits it. */
@Injectable()
export class ScoresService {
  constructor(
    private readonly writes: WriteService,
    private readonly leaderboards: LeaderboardReader,
  ) {}

  submit(
    board: string,
    { player, score, attributes }: SubmitScoreBody,
    caller: Actor,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<object> {
    if (player === undefined) throw badRequest('player is missing: a key has none of its own');
    playerPipe.transform(player, { data: 'player' });
    if (Math.abs(score) > Number.MAX_SAFE_INTEGER) {
      throw new Problem(422, {
        code: 'score-out-of-range',
        detail: `score must be within +-${Number.MAX_SAFE_INTEGER} (2^53 - 1): beyond, numbers are not exact`,
      });
    }
    return this.writes.write(
      {
        type: 'ScoreSubmitted',
        data: { board, player, score, ...(attributes && { attributes: { ...attributes } }) },
        caller,
        result: async ({ ref }) => {
          const { entries } = await this.leaderboards.around(board, player, 0);
          const [entry] = entries;
          return {
            board,
            player,
            rank: entry?.rank,
            score: entry?.score,
            improved: entry !== undefined && compareEventIds(entry.run, ref.id) === 0,
          };
        },
      },
      request,
      reply,
    );
  }
}
