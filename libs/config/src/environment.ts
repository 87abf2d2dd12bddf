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
import { list } from './lists.js';
import { parseQuotas, type Quotas } from './quotas.js';
import { parseRateLimits, type RateLimits } from './rate-limits.js';
import { RedisEnvironment } from './redis-environment.js';
import { Secret } from './secrets.js';

/** What every process of Questlog reads from its environment. `.env.example` shows the same, and a test compares the two. */
export class Environment extends RedisEnvironment {
  @Expose()
  @IsIn(['development', 'production', 'test'])
  readonly NODE_ENV: string = 'development';

  @Expose()
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  readonly LOG_LEVEL: string = 'info';

  /** Stands before every key, so that one Redis can serve several installations. */
  @Expose()
  @Matches(/^[A-Za-z0-9._-]{1,32}$/, {
    message: 'KEY_PREFIX must be 1 to 32 letters, digits, dots, dashes or underscores',
  })
  readonly KEY_PREFIX: string = 'ql';

  /** Where the gateway listens, and the health of a worker. */
  @Expose()
  @IsString()
  readonly HOST: string = '0.0.0.0';

  /** Partitions of each stream that the very first start makes. Unset: 8, and afterwards as many as the log has. */
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

  /** What each stream must have, where that is said. */
  get partitions(): { readonly scores: number | undefined; readonly players: number | undefined } {
    return { scores: this.SCORES_PARTITIONS, players: this.PLAYERS_PARTITIONS };
  }

  get production(): boolean {
    return this.NODE_ENV === 'production';
  }
}

export class GatewayEnvironment extends Environment {
  /** 0 takes a free one. */
  @Expose()
  @IsInt()
  @Min(0)
  @Max(65535)
  readonly PORT: number = 3000;

  /**
   * Addresses of the proxies in front, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Not a number of
   * hops: a client that comes past the proxy could write those itself.
   */
  @Expose()
  @Transform(list)
  @Matches(/^(loopback|linklocal|uniquelocal|[\da-f]*[.:][\da-f.:]*(\/\d{1,3})?)$/i, {
    each: true,
    message:
      'TRUST_PROXY must list addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal',
  })
  readonly TRUST_PROXY: readonly string[] = [];

  /** Origins whose pages may call from browsers, with cookies; `*` for all, without. Our own may always. */
  @Expose()
  @Transform(list)
  @ValidateBy({
    name: 'origins',
    validator: {
      validate: value => areOrigins(value),
      defaultMessage: () =>
        'CORS_ORIGINS must list origins such as https://game.example or http://localhost:8080, without a path; or be * alone',
    },
  })
  readonly CORS_ORIGINS: readonly string[] = [];

  /** Secrets of trusted game servers: they may write for any player. */
  @Secret()
  @Expose()
  @Transform(list)
  @ValidateIf(mustHaveKeys)
  @ArrayNotEmpty({ message: 'SERVER_KEYS must name at least one key in production' })
  @MinLength(16, { each: true, message: 'SERVER_KEYS: each key must have at least 16 characters' })
  readonly SERVER_KEYS: readonly string[] = [];

  /** Secrets of operators: they may do everything. */
  @Secret()
  @Expose()
  @Transform(list)
  @ValidateIf(mustHaveKeys)
  @ArrayNotEmpty({ message: 'ADMIN_KEYS must name at least one key in production' })
  @MinLength(16, { each: true, message: 'ADMIN_KEYS: each key must have at least 16 characters' })
  readonly ADMIN_KEYS: readonly string[] = [];

  /** A folder whose files are served at `/`: those of a game. Unset: a page that says what runs here. */
  @Expose()
  @IsOptional()
  @ValidateBy({
    name: 'folder',
    validator: {
      validate: isFolder,
      defaultMessage: () =>
        'PUBLIC_DIR must be a folder with the files of a game; leave it out for the page that is built in',
    },
  })
  readonly PUBLIC_DIR?: string;

  /** Replicas that must have an event before it is acknowledged. 0 waits for none. */
  @Expose()
  @IsInt()
  @Min(0)
  @Max(10)
  readonly WRITE_QUORUM: number = 0;

  /** Live streams that one address (of IPv6, one network) may have open on one gateway. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  readonly LIVE_PER_ADDRESS: number = 20;

  /** Live streams that one gateway has open, at most. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  readonly LIVE_TOTAL: number = 5_000;

  /** `on`, `off`, or what shall differ from the defaults: `player.write=50/10s,anonymous.read=off`. */
  @Expose()
  @ValidateBy({
    name: 'rateLimits',
    validator: {
      validate: value => faultOf(parseRateLimits, value) === undefined,
      defaultMessage: arguments_ => faultOf(parseRateLimits, arguments_?.value) ?? '',
    },
  })
  readonly RATE_LIMIT: string = 'on';

  /** Nothing when they are off. */
  get rateLimits(): RateLimits | undefined {
    return parseRateLimits(this.RATE_LIMIT);
  }

  /** `on`, `off`, or what differs from the defaults: `player.slots=20,player.saveBytes=4MiB,player.boards=off`. */
  @Expose()
  @ValidateBy({
    name: 'quotas',
    validator: {
      validate: value => faultOf(parseQuotas, value) === undefined,
      defaultMessage: arguments_ => faultOf(parseQuotas, arguments_?.value) ?? '',
    },
  })
  readonly QUOTAS: string = 'on';

  get quotas(): Quotas {
    return parseQuotas(this.QUOTAS);
  }

  /** Whether the first score of a board without a definition makes it (`open`) or is refused (`defined`). */
  @Expose()
  @IsOptional()
  @IsIn(['defined', 'open'])
  readonly BOARDS?: 'defined' | 'open';

  get boards(): 'defined' | 'open' {
    return this.BOARDS ?? (this.production ? 'defined' : 'open');
  }

  /** Boards that `/api/leaderboard` may make, whatever `BOARDS` says. */
  @Expose()
  @IsInt()
  @Min(0)
  @Max(100_000)
  readonly CACHE_QUEST_BOARDS: number = 100;
}

/** As browsers write them in `Origin`: other spellings would never match. */
function areOrigins(value: readonly string[]): boolean {
  return (
    value.join() === '*' ||
    value.every(text => /^[a-z][a-z\d+.-]*:\/\/([a-z\d.-]+|\[[\da-f:]+\])(:\d+)?$/.test(text))
  );
}

function faultOf(parse: (text: string) => unknown, text: string): string | undefined {
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

function mustHaveKeys(environment: Environment, value: unknown): boolean {
  return environment.production || (value as readonly string[]).length > 0;
}

export class WorkerEnvironment extends Environment {
  /** Where /healthz, /readyz and /metrics answer. Unset: the app's usual port, or a free one where that is taken. */
  @Expose()
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(65535)
  readonly HEALTH_PORT?: number;

  /** Names this process within its consumer group. Unset: host, process id and a random part. */
  @Expose()
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,128}$/, { message: 'CONSUMER_NAME must be 1 to 128 visible ASCII characters' })
  readonly CONSUMER_NAME?: string;

  /** Events per batch. Unset: 1,000, and 128 for saves, whose events can be 256 KiB each. */
  @Expose()
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_000)
  readonly BATCH_SIZE?: number;

  /** A delivery unacknowledged for so long is taken over by another worker. Batches take milliseconds. */
  @Expose()
  @IsInt()
  @Min(100)
  @Max(86_400_000)
  readonly CLAIM_IDLE_MS: number = 10_000;

  /** After so many failed deliveries an event moves to the dead letters. */
  @Expose()
  @IsInt()
  @Min(1)
  @Max(100)
  readonly MAX_DELIVERIES: number = 5;
}

/** What `npm start` reads besides; it hands its environment on to the services. */
export class LauncherEnvironment extends RedisEnvironment {
  /** Where the embedded Redis and the generated keys are kept. */
  @Expose()
  @IsString()
  readonly DATA_DIR: string = './data';
}
