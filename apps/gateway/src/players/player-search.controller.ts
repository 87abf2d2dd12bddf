import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { JsonValue } from '#libs/events';
import { NameSearch, type Profile, ProfileReader } from '#libs/players';
import { Public } from '../auth/access.guard.js';
import { ApiRead } from '../http/api-docs.js';
import { queryPipe } from '../http/validation/validation.js';
import { type FoundPlayer, PlayerPage, PlayersQuery } from './profiles.dto.js';

@ApiTags('players')
@Controller({ path: 'players', version: '1' })
export class PlayerSearchController {
  constructor(
    private readonly search: NameSearch,
    private readonly profiles: ProfileReader,
  ) {}

  @Get()
  @Public()
  @ApiOperation({
    summary: 'Find players by how their name begins',
    description: 'Case makes no difference, accents do.',
  })
  @ApiRead()
  @ApiOkResponse({ type: PlayerPage })
  async find(@Query(queryPipe) { name, limit, cursor }: PlayersQuery): Promise<PlayerPage> {
    const { players, next } = await this.search.find(name, { limit, cursor });
    const profiles = await this.profiles.profiles(players);
    return {
      // A player without a profile was erased a moment ago.
      players: players.flatMap(player => toFound(player, profiles.get(player)) ?? []),
      ...(next !== undefined && { next }),
    };
  }
}

/** The fields of a profile in a list. The others can be large. */
function toFound(playerId: string, profile: Profile | undefined): FoundPlayer | undefined {
  if (!profile) return undefined;
  const { name, avatar, country } = profile.fields;
  const shown = Object.entries({ name, avatar, country }).filter(([, value]) => isText(value));
  return { playerId, ...Object.fromEntries(shown) };
}

const isText = (value: JsonValue | undefined) => typeof value === 'string';
