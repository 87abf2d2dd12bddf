import { Body, Controller, Delete, Get, Header, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { ApiPlayer, ApiProblems } from '../http/api-docs.js';
import { badRequest } from '../http/problem.js';
import { bodyPipe } from '../http/validation/validation.js';
import { addressOf } from '../limits/address.js';
import { GuestQuota } from '../limits/guest-quota.js';
import { RateClass } from '../limits/rate-class.js';
import { Public } from './access.guard.js';
import { Caller, type CallerRequest } from './caller.guard.js';
import { Credentials } from './credentials.js';
import { GuestKeys, guestKey } from './guest-keys.js';
import { LoginLimit } from './login-limit.js';
import { isFromCookie, sentToken, unauthorized } from './sent-token.js';
import { clearCookie, setCookie } from './session-cookie.js';
import { OpenedSession, OpenSessionBody, SessionView } from './sessions.dto.js';
import { type Session, Sessions } from './sessions.js';
import { hashOf } from './token-hash.js';
import { TransferCodes } from './transfer-codes.js';

interface Entered {
  readonly player: string;
  /** Returned to the client if it is new. */
  readonly secret?: string;
  /** The hash of the secret that the player sent or gets. */
  readonly hash?: string;
  /** The token of the session, if it is already open. */
  readonly token?: string;
}

@ApiTags('sessions')
@Controller({ path: 'sessions', version: '1' })
export class SessionsController {
  constructor(
    private readonly sessions: Sessions,
    private readonly credentials: Credentials,
    private readonly limit: LoginLimit,
    private readonly guests: GuestQuota,
    private readonly guestKeys: GuestKeys,
    private readonly codes: TransferCodes,
  ) {}

  @Post()
  @Public()
  @RateClass('login')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'Begin a session: as a new guest, or as a player who returns',
    description:
      'With `{}` a player is made, whose `secret` is told this once. With `playerId` and `secret` that player returns; with a transfer `code`, too, and gets a `secret` of this device. Ten failures within 15 minutes for one player, or 50 from one address, are followed by 429; so are five wrong codes from one address. An address makes as many guests in an hour as `QUOTAS` says.',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      'For `{}`, 22 to 128 random characters: the same key within 24 hours is answered with the same player, token and secret, until that session ends. Whoever has the key is that player. Log-ins ignore it.',
  })
  @ApiProblems(400, 401, 413, 415, 429, 503)
  @ApiCreatedResponse({ type: OpenedSession, description: 'The token is in the cookie, too.' })
  async open(
    @Body(bodyPipe) body: OpenSessionBody,
    @Req() request: CallerRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OpenedSession> {
    // A form on another site can send a POST without a body, and would log the browser in as another player.
    if (request.body == null) throw badRequest('send a JSON object: {} for a new guest');
    const { player, hash, secret, ...opened } = await this.enter(body, request, reply);
    const token = opened.token ?? (await this.sessions.open(player));
    // A log-out everywhere may have revoked the secret after it was checked, and cannot have ended this session.
    if (hash !== undefined && !(await this.credentials.has(player, hash))) {
      await this.sessions.close(hashOf(token));
      throw unauthorized('the secret has just been revoked');
    }
    const session = await this.sessions.extendNew(token);
    setCookie(request, reply, token);
    return { ...view(session), token, ...(secret !== undefined && { secret }) };
  }

  @Get('current')
  @Header('Cache-Control', 'no-store')
  @ApiPlayer()
  @ApiOperation({ summary: 'Whose session this is; it lasts another seven days from now' })
  @ApiProblems(401, 503)
  @ApiOkResponse({ type: SessionView })
  async current(
    @Caller() caller: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionView> {
    const token = tokenOf(caller, request);
    const session = await this.sessions.extend(hashOf(token));
    if (!session) throw unauthorized('this session has just ended');
    if (isFromCookie(request)) setCookie(request, reply, token);
    return view(session);
  }

  @Delete('current')
  @HttpCode(204)
  @ApiPlayer()
  @ApiOperation({ summary: 'End this session, at once and on every gateway' })
  @ApiProblems(401, 403, 503)
  @ApiNoContentResponse({ description: 'The token is worth nothing any more; the cookie is cleared.' })
  async close(
    @Caller() caller: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.sessions.close(hashOf(tokenOf(caller, request)));
    clearCookie(request, reply);
  }

  /** @throws Problem 401 that does not say which of the two was wrong, 429 */
  private async enter(
    { playerId, secret, code }: OpenSessionBody,
    request: CallerRequest,
    reply: FastifyReply,
  ): Promise<Entered> {
    if (code !== undefined) {
      if (playerId !== undefined || secret !== undefined)
        throw badRequest('send either a code, or a playerId and its secret');
      return this.enterWithCode(code, addressOf(request));
    }
    if (playerId === undefined || secret === undefined) {
      const key = guestKey(request.headers);
      if (key !== undefined) return this.enterWithKey(key, request, reply);
      await this.countGuest(request);
      return this.credentials.create();
    }
    const login = { player: playerId, address: addressOf(request) };
    await this.limit.check(login);
    const hash = await this.credentials.match(playerId, secret);
    if (hash !== undefined) return { player: playerId, hash };
    await this.limit.countFailure(login);
    throw unauthorized('there is no player with this playerId and secret');
  }

  private async enterWithKey(key: string, request: CallerRequest, reply: FastifyReply): Promise<Entered> {
    let found = await this.guestKeys.find(key, () => this.countGuest(request));
    const isRepeat = found.isDone && (await this.sessions.find(hashOf(found.token))) !== undefined;
    if (isRepeat) reply.header('Idempotency-Replayed', 'true');
    else {
      if (found.isDone) {
        await this.countGuest(request);
        found = await this.guestKeys.next(found);
      }
      await this.credentials.create(found.guest);
      await this.sessions.open(found.guest.player, found.token);
      // Last: after a crash before it, the next repeat creates the same guest again.
      await this.guestKeys.finish(found);
    }
    return { ...found.guest, token: found.token };
  }

  /** @throws Problem 401 that does not say whether the code was wrong, used, or expired; 429 */
  private async enterWithCode(code: string, address: string): Promise<Entered> {
    await this.codes.countAttempt(address);
    const transfer = await this.codes.redeem(code);
    const added = transfer && (await this.credentials.add(transfer.player, transfer.generation));
    if (!added) throw wrongCode();
    await this.codes.takeBackAttempt(address);
    return { player: transfer.player, ...added };
  }

  private async countGuest(request: CallerRequest): Promise<void> {
    await this.guests.count(request.caller, addressOf(request));
  }
}

const wrongCode = () =>
  unauthorized(
    'the code is wrong, was used, or is older than ten minutes: ask for a new one on the other device',
    { code: 'wrong-code' },
  );

/** @throws Problem 401 for a key, which is no session */
function tokenOf(caller: Actor, request: FastifyRequest): string {
  const token = sentToken(request);
  if (caller.kind === 'player' && token !== undefined) return token;
  throw unauthorized('a key has no session: send the token that POST /v1/sessions answered');
}

const view = ({ player, expiresAt }: Session): SessionView => ({
  playerId: player,
  expiresAt: expiresAt.toISOString(),
});
