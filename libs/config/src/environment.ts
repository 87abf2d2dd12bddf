import 'reflect-metadata';
import { existsSync, statSync } from 'node:fs';
import { Expose, Transform } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  MinLength,
  ValidateBy,
  ValidateIf,
} from 'class-validator';
import { splitList } from './lists.js';
import { parseQuotas, type Quotas } from './quotas.js';
import { parseRateLimits, type RateLimits } from './rate-limits.js';
import { RedisEnvironment } from './redis-environment.js';
import { Secret } from './secrets.js';

/** The settings of every process. `.env.example` documents them, and a test compares the two. */
export class Environment extends RedisEnvironment {
  @Expose()
  @IsIn(['development', 'production', 'test'])
  readonly NODE_ENV: string = 'development';

  @Expose()
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  readonly LOG_LEVEL: string = 'info';

  /** Prefix of all keys, so that several installations can share one Redis. */
  @Expose()
  @Matches(/^[A-Za-z0-9._-]{1,32}$/, {
    message: 'KEY_PREFIX must be 1 to 32 letters, digits, dots, dashes, or underscores',
  })
  readonly KEY_PREFIX: string = 'ql';

  /** The address that the gateway, or the health server of a worker, listens on. */
  @Expose()
  @IsString()
  readonly HOST: string = '0.0.0.0';

  /** Partitions of the stream `scores`. Unset: 8 for a new log, otherwise the number that the log has. */
  @Expose()
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1024)
  readonly SCORES_PARTITIONS?: number;

  @Expose()
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1024)
  readonly PLAYERS_PARTITIONS?: number;

  /** Where the archive is: `file:///path` or `s3://bucket/prefix`. Unset: events stay in Redis. */
  @Secret()
  @Expose()
  @IsOptional()
  @Matches(/^(file:\/\/\/\S*|s3:\/\/[^\s@]+)$/, {
    message:
      'ARCHIVE_URL must look like file:///path/to/folder or s3://bucket/prefix, without credentials: set those of AWS instead',
  })
  readonly ARCHIVE_URL?: string;

  /** The expected number of partitions per stream; undefined where it is not set. */
  get partitions(): { readonly scores: number | undefined; readonly players: number | undefined } {
    return { scores: this.SCORES_PARTITIONS, players: this.PLAYERS_PARTITIONS };
  }

  get isProduction(): boolean {
    return this.NODE_ENV === 'production';
  }
}

export class GatewayEnvironment extends Environment {
  /** 0 chooses a free port. */
  @Expose()
  @IsInt()
  @Min(0)
  @Max(65535)
  readonly PORT: number = 3000;

  /**
   * Addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted. A number of hops is not
   * accepted, because a client that bypasses the proxy could forge the headers.
   */
  @Expose()
  @Transform(splitList)
  @Matches(/^(loopback|linklocal|uniquelocal|[\da-f]*[.:][\da-f.:]*(\/\d{1,3})?)$/i, {
    each: true,
    message:
      'TRUST_PROXY must list addresses, networks such as 10.0.0.0/8, loopback, linklocal, or uniquelocal',
  })
  readonly TRUST_PROXY: readonly string[] = [];

  /** Origins allowed by CORS, with cookies; `*` allows all origins, without cookies. The gateway's own origin is always allowed. */
  @Expose()
  @Transform(splitList)
  @ValidateBy({
    name: 'origins',
    validator: {
      validate: value => areOrigins(value),
      defaultMessage: () =>
        'CORS_ORIGINS must be * or a list of origins such as https://game.example or http://localhost:8080, without a path',
    },
  })
  readonly CORS_ORIGINS: readonly string[] = [];

  /** `none`: browsers send the session cookie from frames in pages of other sites, too, and only over TLS. */
  @Expose()
  @IsIn(['lax', 'none'])
  readonly COOKIE_SAMESITE: 'lax' | 'none' = 'lax';

  /** Origins whose pages may frame the game. Unset: only pages of the gateway itself. */
  @Expose()
  @Transform(splitList)
  @Matches(/^('self'|'none'|\*|https?:\/\/(\*\.)?[a-z\d.-]+(:\d+)?)$/, {
    each: true,
    message:
      "FRAME_ANCESTORS must list origins such as https://portal.example or https://*.portal.example, 'self', 'none', or *",
  })
  readonly FRAME_ANCESTORS: readonly string[] = [];

  /** `on`: pages are isolated from other origins, so that games exported with threads can use shared memory. */
  @Expose()
  @IsIn(['on', 'off'])
  readonly CROSS_ORIGIN_ISOLATION: 'on' | 'off' = 'off';

  /** Every `localhost` origin is allowed, as a game under development comes from another port. */
  get allowsLocalhost(): boolean {
    return this.NODE_ENV === 'development';
  }

  /** Keys of trusted game servers, which may write for any player. */
  @Secret()
  @Expose()
  @Transform(splitList)
  @ValidateIf(requiresKeys)
  @ArrayNotEmpty({ message: 'SERVER_KEYS must have at least one key in production' })
  @MinLength(16, { each: true, message: 'SERVER_KEYS: each key must have at least 16 characters' })
  readonly SERVER_KEYS: readonly string[] = [];

  /** Keys of operators, which may do everything. */
  @Secret()
  @Expose()
  @Transform(splitList)
  @ValidateIf(requiresKeys)
  @ArrayNotEmpty({ message: 'ADMIN_KEYS must have at least one key in production' })
  @MinLength(16, { each: true, message: 'ADMIN_KEYS: each key must have at least 16 characters' })
  readonly ADMIN_KEYS: readonly string[] = [];

  /** A folder with the files of a game, served at `/`. Unset: a built-in page. */
  @Expose()
  @IsOptional()
  @ValidateBy({
    name: 'folder',
    validator: {
      validate: isFolder,
      defaultMessage: () =>
        'PUBLIC_DIR must be a folder with the files of a game; leave it unset for the built-in page',
    },
  })
  readonly PUBLIC_DIR?: string;

  /** Number of replicas that must confirm an event before it is acknowledged. */
  @Expose()
  @IsInt()
  @Min(0)
  @Max(10)
  readonly WRITE_QUORUM: number = 0;

  /** Maximum number of open live streams per client address (per network for IPv6) on one gateway. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  readonly LIVE_PER_ADDRESS: number = 20;

  /** Maximum number of open live streams on one gateway. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  readonly LIVE_TOTAL: number = 5_000;

  /** `on`, `off`, or overrides of the defaults, such as `player.write=50/10s,anonymous.read=off`. */
  @Expose()
  @ValidateBy({
    name: 'rateLimits',
    validator: {
      validate: value => parseErrorOf(parseRateLimits, value) === undefined,
      defaultMessage: arguments_ => parseErrorOf(parseRateLimits, arguments_?.value) ?? '',
    },
  })
  readonly RATE_LIMIT: string = 'on';

  /** Undefined when rate limits are off. */
  get rateLimits(): RateLimits | undefined {
    return parseRateLimits(this.RATE_LIMIT);
  }

  /** `on`, `off`, or overrides of the defaults, such as `player.slots=20,player.saveBytes=4MiB,player.boards=off`. */
  @Expose()
  @ValidateBy({
    name: 'quotas',
    validator: {
      validate: value => parseErrorOf(parseQuotas, value) === undefined,
      defaultMessage: arguments_ => parseErrorOf(parseQuotas, arguments_?.value) ?? '',
    },
  })
  readonly QUOTAS: string = 'on';

  get quotas(): Quotas {
    return parseQuotas(this.QUOTAS);
  }

  /** Whether the first score of an undefined board creates the board (`open`) or is refused (`defined`). */
  @Expose()
  @IsOptional()
  @IsIn(['defined', 'open'])
  readonly BOARDS?: 'defined' | 'open';

  get boardsPolicy(): 'defined' | 'open' {
    return this.BOARDS ?? (this.isProduction ? 'defined' : 'open');
  }

  /** Number of boards that `/api/leaderboard` may create, regardless of `BOARDS`. */
  @Expose()
  @IsInt()
  @Min(0)
  @Max(100_000)
  readonly CACHE_QUEST_BOARDS: number = 100;
}

/** Accepts only the form that browsers send in `Origin`; any other spelling would never match. */
function areOrigins(value: readonly string[]): boolean {
  return (
    value.join() === '*' ||
    value.every(text => /^[a-z][a-z\d+.-]*:\/\/([a-z\d.-]+|\[[\da-f:]+\])(:\d+)?$/.test(text))
  );
}

function parseErrorOf(parse: (text: string) => unknown, text: string): string | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

function requiresKeys(environment: Environment, value: unknown): boolean {
  return environment.isProduction || (value as readonly string[]).length > 0;
}

export class WorkerEnvironment extends Environment {
  /** Port of /healthz, /readyz, and /metrics. Unset: the default port of the app, or a free one if that is in use. */
  @Expose()
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(65535)
  readonly HEALTH_PORT?: number;

  /** The consumer name of this process in its group. Unset: host name, process id, and a random part. */
  @Expose()
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,128}$/, { message: 'CONSUMER_NAME must be 1 to 128 visible ASCII characters' })
  readonly CONSUMER_NAME?: string;

  /** Maximum number of events per batch. Unset: 1,000, or 128 for saves, whose events can be 256 KiB each. */
  @Expose()
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_000)
  readonly BATCH_SIZE?: number;

  /** Another worker claims an event that has been pending for this long. Batches take milliseconds. */
  @Expose()
  @IsInt()
  @Min(100)
  @Max(86_400_000)
  readonly CLAIM_IDLE_MS: number = 10_000;

  /** After this many failed deliveries an event becomes a dead letter. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(100)
  readonly MAX_DELIVERIES: number = 5;
}

export class ArchiverEnvironment extends WorkerEnvironment {
  /** Events younger than this many hours stay in Redis. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(87_600)
  readonly TAIL_HOURS: number = 48;

  /** This many bytes of events, over all partitions, stay in Redis even if they are older than `TAIL_HOURS`. */
  @Expose()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  readonly TAIL_BYTES: number = 0;

  /** New events are written to the archive after this many minutes at the latest. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(10_080)
  readonly SEAL_MINUTES: number = 60;

  /** After this many days at the latest, no file of the archive holds events of an erased player. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(365)
  readonly ERASURE_DAYS: number = 30;
}

/** Additional settings of `npm start`, which passes its environment on to the services. */
export class LauncherEnvironment extends RedisEnvironment {
  /** The folder of the embedded Redis and the generated keys. */
  @Expose()
  @IsString()
  readonly DATA_DIR: string = './data';
}
