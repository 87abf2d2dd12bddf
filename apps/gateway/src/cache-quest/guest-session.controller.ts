import { Controller, Get, Req, Res, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { Credentials, newPlayerId } from '../auth/credentials.js';
import { setCookie } from '../auth/session-cookie.js';
import { Sessions } from '../auth/sessions.js';
import { ApiProblems } from '../http/api-docs.js';
import { addressOf } from '../limits/address.js';
import { GuestQuota } from '../limits/guest-quota.js';
import { RateClass } from '../limits/rate-class.js';
import { CookieRenewalInterceptor } from './cookie-renewal.interceptor.js';

class GuestView {
  @ApiProperty({ example: 'pabcdefghij234567klmn', description: "The player's, and the game's, too." })
  readonly id!: string;
}

/** Whether the request creates a guest. A HEAD never does. */
const makesGuest = ({ caller, method }: CallerRequest) => caller?.kind !== 'player' && method !== 'HEAD';

@ApiTags('cache quest')
@Public()
@UseInterceptors(CookieRenewalInterceptor)
@Controller('session')
export class GuestSessionController {
  constructor(
    private readonly sessions: Sessions,
    private readonly credentials: Credentials,
    private readonly guests: GuestQuota,
  ) {}

  @Get()
  @RateClass(request => (makesGuest(request) ? 'login' : 'read'))
  @ApiOperation({
    summary: 'Who am I? A browser without a session becomes a new guest',
    description:
      "The session is in a cookie, and it alone: unlike that of `POST /v1/sessions`, this guest has no secret to return with. The id is public, and no one's password.",
  })
  @ApiProblems(429, 503)
  @ApiOkResponse({ type: GuestView })
  async session(
    @Req() request: CallerRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GuestView> {
    const { caller } = request;
    if (caller?.kind === 'player') return { id: caller.id };
    // The id is not sent: it only gives Content-Length the value of a GET.
    if (!makesGuest(request)) return { id: newPlayerId() };
    await this.guests.count(request.caller, addressOf(request));
    const { player } = await this.credentials.create();
    setCookie(request, reply, await this.sessions.open(player));
    return { id: player };
  }
}
