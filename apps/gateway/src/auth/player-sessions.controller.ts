import { Controller, Delete, Header, Param, Post, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { ApiPlayer, ApiProblems } from '../http/api-docs.js';
import { noOwnPlayer, PlayerPipe } from '../http/validation/ids.js';
import { RateClass } from '../limits/rate-class.js';
import { OwnPlayerOrAdmin } from './access.guard.js';
import { Caller } from './caller.guard.js';
import { Credentials } from './credentials.js';
import { Revocation } from './revocation.js';
import { isFromCookie, sentToken, unauthorized } from './sent-token.js';
import { setCookie } from './session-cookie.js';
import { RenewedSession, TransferCodeView } from './sessions.dto.js';
import { Sessions } from './sessions.js';
import { hashOf } from './token-hash.js';
import { TransferCodes } from './transfer-codes.js';

/** A player's other devices. */
@ApiTags('sessions')
@Controller({ path: 'players', version: '1' })
export class PlayerSessionsController {
  constructor(
    private readonly sessions: Sessions,
    private readonly credentials: Credentials,
    private readonly codes: TransferCodes,
    private readonly revocation: Revocation,
  ) {}

  @Post('me/transfer-codes')
  @RateClass('login')
  @Header('Cache-Control', 'no-store')
  @ApiPlayer()
  @ApiOperation({
    summary: 'Create a code that logs the player in on another device',
    description:
      'Send it as `{code}` to `POST /v1/sessions`, once, within ten minutes. Case and dashes do not matter. A player has at most five valid codes; one more revokes the oldest.',
  })
  @ApiProblems(400, 401, 403, 429, 503)
  @ApiCreatedResponse({ type: TransferCodeView })
  async createCode(@Caller() caller: Actor, @Req() request: FastifyRequest): Promise<TransferCodeView> {
    const token = sentToken(request);
    if (caller.kind !== 'player' || token === undefined) throw noOwnPlayer();
    const generation = await this.credentials.generation(caller.id);
    if (generation === undefined) throw sessionEnded();
    const { code, expiresAt } = await this.codes.create({ player: caller.id, generation });
    // A log-out everywhere at the same time may have ended the session, and missed this code.
    if (!(await this.sessions.find(hashOf(token)))) {
      await this.codes.cancel(code);
      throw sessionEnded();
    }
    return { code, expiresAt: expiresAt.toISOString() };
  }

  @Delete(':player/sessions')
  @OwnPlayerOrAdmin()
  @RateClass('login')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'End all sessions of a player, and revoke all secrets and transfer codes',
    description:
      'A player who calls it gets a new session and a new secret. For an operator, the player is locked out.',
  })
  @ApiProblems(400, 401, 403, 429, 503)
  @ApiOkResponse({ type: RenewedSession, description: "Of a player's own call." })
  @ApiNoContentResponse({ description: "Of an operator's call." })
  async endAll(
    @Param('player', PlayerPipe) player: string,
    @Caller() caller: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RenewedSession | undefined> {
    if (caller.kind !== 'player') {
      await this.revocation.lockOut(player);
      reply.status(204);
      return undefined;
    }
    const { token, secret, expiresAt } = await this.revocation.renew(player);
    if (isFromCookie(request)) setCookie(request, reply, token);
    return { token, secret, expiresAt: expiresAt.toISOString() };
  }
}

const sessionEnded = () => unauthorized('this session has just ended');
