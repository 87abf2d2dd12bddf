import { Controller, Get, Header, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ProfileReader } from '#libs/players';
import { Public } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { ApiRead } from '../http/api-docs.js';
import { MeView } from './me.dto.js';

@ApiTags('players')
@Controller({ path: 'me', version: '1' })
export class MeController {
  constructor(private readonly profiles: ProfileReader) {}

  @Get()
  @Public()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'The player of the session; null for callers without a session',
    description:
      'For the first request of a page: it is not an error to send no session, an ended session, or a key. `GET /v1/sessions/current` answers 401 then; it also extends the session.',
  })
  @ApiRead()
  @ApiOkResponse({ type: MeView })
  async read(@Req() { session }: CallerRequest): Promise<MeView> {
    if (!session) return { player: null };
    const name = (await this.profiles.profile(session.player))?.fields.name;
    return {
      player: {
        playerId: session.player,
        ...(typeof name === 'string' && { name }),
        expiresAt: session.expiresAt.toISOString(),
      },
    };
  }
}
