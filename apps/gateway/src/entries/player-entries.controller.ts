import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { BoardCatalog, LeaderboardReader, ScoreDocumentReader } from '#libs/leaderboards';
import { Public } from '../auth/access.guard.js';
import { ApiRead } from '../http/api-docs.js';
import { PlayerPipe } from '../http/validation/ids.js';
import { PlayerEntries } from './entries.dto.js';
import { EntryViews } from './entry-views.js';

@ApiTags('players')
@Public()
@Controller({ path: 'players/:player/entries', version: '1' })
export class PlayerEntriesController {
  constructor(
    private readonly scores: ScoreDocumentReader,
    private readonly catalog: BoardCatalog,
    private readonly leaderboards: LeaderboardReader,
    private readonly views: EntryViews,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Where a player stands now, on every board with an entry of theirs' })
  @ApiRead()
  @ApiOkResponse({ type: PlayerEntries })
  async entries(@Param('player', PlayerPipe) player: string): Promise<PlayerEntries> {
    const boards = await this.catalog.withDerived(await this.scores.boards(player));
    const entries = await this.leaderboards.entriesOf(player, boards);
    return { player, entries: await this.views.standings(entries) };
  }
}
