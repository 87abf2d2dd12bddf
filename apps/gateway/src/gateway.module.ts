import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import type { GatewayEnvironment, RateLimits } from '#libs/config';
import { EventLog, EventReader, Progress, Topology, VersionReader } from '#libs/event-log';
import type { StreamName } from '#libs/events';
import { BoardCatalog, LeaderboardReader, ScoreDocumentReader } from '#libs/leaderboards';
import { groupsOf, Jobs } from '#libs/maintenance';
import { Logger } from '#libs/observability';
import { NameSearch, ProfileReader } from '#libs/players';
import type { RedisClient } from '#libs/redis';
import { SaveReader, SaveSearch } from '#libs/saves';
import { REDIS } from '#libs/service';
import { DeadLetters, StreamsClient } from '#libs/streams-transport';
import { AccessGuard } from './auth/access.guard.js';
import { CallerGuard } from './auth/caller.guard.js';
import { Callers } from './auth/callers.js';
import { Credentials } from './auth/credentials.js';
import { KeyRing } from './auth/key-ring.js';
import { LoginLimit } from './auth/login-limit.js';
import { SessionsController } from './auth/sessions.controller.js';
import { Sessions } from './auth/sessions.js';
import { BoardsController } from './boards/boards.controller.js';
import { BoardsService } from './boards/boards.service.js';
import { GameStateController, PlayerStateController } from './cache-quest/documents.controller.js';
import { DocumentsService } from './cache-quest/documents.service.js';
import { GuestSessionController } from './cache-quest/guest-session.controller.js';
import { MadeBoards } from './cache-quest/made-boards.js';
import { MemberScoresController } from './cache-quest/member-scores.controller.js';
import { EntriesController } from './entries/entries.controller.js';
import { EntryViews } from './entries/entry-views.js';
import { LiveController } from './entries/live.controller.js';
import { LiveBoards } from './entries/live-boards.js';
import { LiveStreams } from './entries/live-streams.js';
import { PlayerEntriesController } from './entries/player-entries.controller.js';
import { AppliedGuard } from './http/applied.guard.js';
import { ProblemFilter } from './http/problem.filter.js';
import { QueryGuard } from './http/query.guard.js';
import { WriteService } from './http/write.service.js';
import { BulkGate } from './limits/bulk-gate.js';
import { GuestQuota } from './limits/guest-quota.js';
import { RateLimitGuard } from './limits/rate-limit.guard.js';
import { SlidingWindow } from './limits/sliding-window.js';
import { AuditController } from './operators/audit.controller.js';
import { AuditTrail } from './operators/audit-trail.js';
import { DeadLettersController } from './operators/dead-letters.controller.js';
import { JobsController } from './operators/jobs.controller.js';
import { LogController } from './operators/log.controller.js';
import { StreamsController } from './operators/streams.controller.js';
import { PersonalDataController } from './players/personal-data.controller.js';
import { PlayerErasure } from './players/player-erasure.js';
import { PlayerExport } from './players/player-export.js';
import { PlayerSearchController } from './players/player-search.controller.js';
import { PlayersController } from './players/players.controller.js';
import { ProfilesController } from './players/profiles.controller.js';
import { HistoryController } from './saves/history.controller.js';
import { PatchController } from './saves/patch.controller.js';
import { SaveLog } from './saves/save-log.js';
import { SavesController } from './saves/saves.controller.js';
import { SlotsController } from './saves/slots.controller.js';
import { PlayerBoards } from './scores/player-boards.js';
import { ScoreImport } from './scores/score-import.js';
import { FirstScores, ScoreIntake } from './scores/score-intake.js';
import { ScoresController } from './scores/scores.controller.js';
import { ScoresService } from './scores/scores.service.js';

/** Injects one of the classes that read or append with a connection and the topology alone. */
function onLog<T>(type: new (redis: RedisClient, topology: Topology) => T) {
  return {
    provide: type,
    inject: [REDIS, Topology],
    useFactory: (redis: RedisClient, topology: Topology) => new type(redis, topology),
  };
}

/** Injects one of the classes that keep to a limit of the environment. */
function withLimit<T, Limit>(
  type: new (redis: RedisClient, topology: Topology, limit: Limit) => T,
  limit: Limit,
) {
  return {
    provide: type,
    inject: [REDIS, Topology],
    useFactory: (redis: RedisClient, topology: Topology) => new type(redis, topology, limit),
  };
}

/** Injects one of the classes that know the consumer groups, too. */
function onGroups<T>(
  type: new (redis: RedisClient, topology: Topology, groups: Record<StreamName, string[]>) => T,
) {
  const groups = { scores: groupsOf('scores'), players: groupsOf('players') };
  return {
    provide: type,
    inject: [REDIS, Topology],
    useFactory: (redis: RedisClient, topology: Topology) => new type(redis, topology, groups),
  };
}

/** Guards run in the order of their providers: this one must know who calls, and counts who is then turned away. */
function limitedBy(limits: RateLimits) {
  return {
    provide: APP_GUARD,
    inject: [REDIS, Topology, BoardCatalog],
    useFactory: (redis: RedisClient, { prefix }: Topology, boards: BoardCatalog) =>
      new RateLimitGuard(limits, new SlidingWindow(redis), prefix, boards),
  };
}

/** Expects `LogModule`, which is global. */
@Module({})
export class GatewayModule {
  static forRoot(environment: GatewayEnvironment, logger: Logger): DynamicModule {
    const limits = environment.rateLimits;
    return {
      module: GatewayModule,
      controllers: [
        SessionsController,
        BoardsController,
        EntriesController,
        LiveController,
        PlayerEntriesController,
        ScoresController,
        SavesController,
        SlotsController,
        PatchController,
        HistoryController,
        PlayersController,
        PlayerSearchController,
        ProfilesController,
        PersonalDataController,
        AuditController,
        DeadLettersController,
        StreamsController,
        JobsController,
        LogController,
        GuestSessionController,
        PlayerStateController,
        GameStateController,
        MemberScoresController,
      ],
      providers: [
        { provide: Logger, useValue: logger },
        { provide: KeyRing, useValue: new KeyRing(environment.SERVER_KEYS, environment.ADMIN_KEYS) },
        onLog(Sessions),
        onLog(Credentials),
        onLog(LoginLimit),
        Callers,
        {
          provide: BoardCatalog,
          inject: [REDIS, Topology, EventLog],
          useFactory: (redis: RedisClient, topology: Topology, log: EventLog) =>
            new BoardCatalog(redis, topology, undefined, log),
        },
        onLog(Jobs),
        onLog(LeaderboardReader),
        onLog(NameSearch),
        onLog(SaveSearch),
        onLog(ProfileReader),
        onLog(SaveReader),
        onLog(ScoreDocumentReader),
        onGroups(Progress),
        onGroups(DeadLetters),
        onLog(EventReader),
        onLog(VersionReader),
        SaveLog,
        AuditTrail,
        PlayerExport,
        {
          provide: PlayerErasure,
          inject: [REDIS, Topology, StreamsClient],
          useFactory: (redis: RedisClient, topology: Topology, events: StreamsClient) =>
            new PlayerErasure(redis, topology, events),
        },
        { provide: StreamsClient, inject: [EventLog], useFactory: (log: EventLog) => new StreamsClient(log) },
        WriteService,
        BoardsService,
        { provide: FirstScores, useValue: new FirstScores(environment.boards === 'open') },
        withLimit(PlayerBoards, environment.quotas.get('player.boards')),
        withLimit(MadeBoards, environment.CACHE_QUEST_BOARDS),
        withLimit(GuestQuota, environment.quotas.get('address.guestsPerHour')),
        ScoreIntake,
        ScoreImport,
        ScoresService,
        { provide: BulkGate, useValue: new BulkGate() },
        EntryViews,
        LiveBoards,
        {
          provide: LiveStreams,
          useValue: new LiveStreams({
            perAddress: environment.LIVE_PER_ADDRESS,
            total: environment.LIVE_TOTAL,
          }),
        },
        DocumentsService,
        { provide: APP_GUARD, useClass: CallerGuard },
        ...(limits ? [limitedBy(limits)] : []),
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: QueryGuard },
        { provide: APP_GUARD, useClass: AppliedGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
