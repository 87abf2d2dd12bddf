import { Body, Controller, Get, Param, Patch, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { EventLog, VersionReader } from '#libs/event-log';
import { type JsonObject, PROFILE_VERSION_KEY, timeOf } from '#libs/events';
import { ProfileReader } from '#libs/players';
import { OwnPlayerOnly, Public } from '../auth/access.guard.js';
import { ApiProblems, ApiRead, ApiWrite, AppliedView } from '../http/api-docs.js';
import { MERGE_PATCH, mergePatchBody } from '../http/server/json-body.js';
import { PlayerPipe } from '../http/validation/ids.js';
import { appendIf, type Head } from '../http/writes/conditional-write.js';
import { etagOf } from '../http/writes/etag.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import {
  bytesOf,
  checkProfilePatch,
  checkProfileSize,
  PENDING_PROFILE_LIMIT,
  PROFILE_LIMIT,
} from './profile-patch.js';
import { ProfileFields, ProfileView } from './profiles.dto.js';

class ProfileApplied extends AppliedView {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty({ description: 'As it is now.' })
  readonly profile!: ProfileFields;
}

@ApiTags('players')
@Controller({ path: 'players', version: '1' })
export class ProfilesController {
  constructor(
    private readonly profiles: ProfileReader,
    private readonly log: EventLog,
    private readonly writes: WriteResponder,
    private readonly versions: VersionReader,
  ) {}

  @Get(':player')
  @Public()
  @ApiOperation({
    summary: "Read a player's public profile",
    description:
      'An id without a profile is answered with the `playerId` alone: every guest begins without one.',
  })
  @ApiRead()
  @ApiOkResponse({ type: ProfileView, description: '`ETag` has its version, if there is a profile.' })
  async read(
    @Param('player', PlayerPipe) player: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JsonObject> {
    const profile = await this.profiles.profile(player);
    reply.header('Cache-Control', 'no-cache');
    if (profile) reply.header('ETag', etagOf(profile.version));
    return { playerId: player, ...profile?.fields };
  }

  @Patch(':player')
  @RouteConfig(mergePatchBody(PROFILE_LIMIT))
  @ApiOperation({
    summary: "Change a player's public profile",
    description:
      'A merge patch (RFC 7396): fields are added or replaced, and null removes one. It and the profile are at most 8 KiB and 8 levels deep.',
  })
  @ApiConsumes('application/json', MERGE_PATCH)
  @ApiBody({ schema: { type: 'object', example: { name: 'Ada', country: 'GB', title: null } } })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Change only this version, or `*`: if there is one.',
  })
  @ApiWrite()
  @OwnPlayerOnly()
  @ApiProblems(412)
  @ApiOkResponse({ type: ProfileApplied, description: 'With `Prefer: wait`: the profile can be read.' })
  async patch(
    @Param('player', PlayerPipe) player: string,
    @Body() body: unknown,
    @Write() write: WriteRequest,
  ): Promise<object> {
    const patch = checkProfilePatch(body);
    const known = await this.profiles.profile(player);
    const bytes = checkProfileSize(known?.fields ?? {}, patch);
    // Profiles have no Last-Modified, so If-Unmodified-Since does not apply.
    const condition = { expected: write.condition.expected, unmodifiedSince: undefined };
    const change = {
      version: known?.version ?? 0,
      bytes,
      patchBytes: bytesOf(patch),
      mostBytes: PENDING_PROFILE_LIMIT,
    };
    return this.writes.respond(write, {
      append: envelope =>
        appendIf(
          condition,
          () => this.head(player),
          envelope,
          conditions =>
            this.log.append(
              { type: 'ProfilePatched', data: { player, patch }, ...envelope },
              { ...conditions, profile: change },
            ),
        ),
      result: async () => ({ player, profile: await this.fields(player) }),
    });
  }

  private async head(player: string): Promise<Head | undefined> {
    const head = await this.versions.head('players', player, PROFILE_VERSION_KEY);
    return head?.version === undefined ? undefined : { version: head.version, at: timeOf(head) };
  }

  private async fields(player: string): Promise<JsonObject> {
    return (await this.profiles.profile(player))?.fields ?? {};
  }
}
