import { Controller, Get, Header, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ProfileReader } from '#libs/players';
import { Public } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { sentToken } from '../auth/sent-token.js';
import { Sessions } from '../auth/sessions.js';
import { hashOf } from '../auth/token-hash.js';
import { ApiRead } from '../http/api-docs.js';
import { MeView } from './me.dto.js';

@ApiTags('players')
@Controller({ path: 'me', version: '1' })
export class MeController {
  constructor(
    private readonly sessions: Sessions,
    private readonly profiles: ProfileReader,
  ) {}

  @Get()
  @Public()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'Who am I? `player` is null for callers without a session',
    description:
      'For the first request of a page: no session, one that has ended, and a key are no errors here. `GET /v1/sessions/current` answers 401 instead, and extends the session.',
  })
  @ApiRead()
  @ApiOkResponse({ type: MeView })
  async read(@Req() request: CallerRequest): Promise<MeView> {
    const token = sentToken(request);
    if (request.caller?.kind !== 'player' || token === undefined) return { player: null };
    const [session, profile] = await Promise.all([
      this.sessions.find(hashOf(token)),
      this.profiles.profile(request.caller.id),
    ]);
    // The session can have ended since the guard found it.
    if (!session) return { player: null };
    const name = profile?.fields.name;
    return {
      player: {
        playerId: session.player,
        ...(typeof name === 'string' && { name }),
        expiresAt: session.expiresAt.toISOString(),
      },
    };
  }
}
