import { Expose, Transform } from 'class-transformer';
import { IsIn, IsOptional, IsString, Matches, ValidateBy, type ValidationArguments } from 'class-validator';
import { splitList } from './lists.js';
import { Secret } from './secrets.js';

/** Credentials and encryption of the connection. */
interface RedisAccess {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls: boolean;
}

/** How to reach Redis: one server, some nodes of a cluster, or Sentinels that know the current master. */
export type RedisSettings = RedisAccess &
  (
    | { readonly url: string }
    | { readonly nodes: readonly string[] }
    | {
        readonly sentinels: readonly string[];
        readonly master: string;
        readonly sentinelUsername?: string | undefined;
        readonly sentinelPassword?: string | undefined;
      }
  );

const DEFAULT_URL = 'redis://127.0.0.1:6379';
const HOST_AND_PORT = /^(\[[\da-f:.]+\]|[\w.-]+):\d{1,5}$/i;

const findSetVariables = (found: ValidationArguments | undefined) =>
  (found?.object as RedisEnvironment | undefined)?.redisVariables ?? [];

/** Rejects the configuration when more than one variable says where Redis is. */
const OnlyOneRedisVariable = () =>
  ValidateBy({
    name: 'alone',
    validator: {
      validate: (value: readonly string[], found) =>
        value.length === 0 || findSetVariables(found).length === 1,
      defaultMessage: found => `${findSetVariables(found).join(' and ')} are set: set only one of them`,
    },
  });

/** Where Redis is. At most one of REDIS_URL, REDIS_CLUSTER_NODES, and REDIS_SENTINELS may be set. */
export class RedisEnvironment {
  /** One server. If all three are unset, a server on this machine. */
  @Secret()
  @Expose()
  @IsOptional()
  @Matches(/^rediss?:\/\/\S+$/, {
    message: 'REDIS_URL must look like redis://[user:password@]host:port[/database], or rediss:// for TLS',
  })
  readonly REDIS_URL?: string;

  /** Some nodes of a Redis Cluster, which know the others. */
  @Expose()
  @Transform(splitList)
  @Matches(HOST_AND_PORT, { each: true, message: 'REDIS_CLUSTER_NODES must list nodes as host:port' })
  @OnlyOneRedisVariable()
  readonly REDIS_CLUSTER_NODES: readonly string[] = [];

  /** Sentinels, which know the current master. */
  @Expose()
  @Transform(splitList)
  @Matches(HOST_AND_PORT, { each: true, message: 'REDIS_SENTINELS must list Sentinels as host:port' })
  @OnlyOneRedisVariable()
  readonly REDIS_SENTINELS: readonly string[] = [];

  /** The name of the master in the configuration of the Sentinels. */
  @Expose()
  @IsString()
  readonly REDIS_SENTINEL_MASTER: string = 'mymaster';

  /** For all servers. Credentials in REDIS_URL take precedence. */
  @Expose()
  @IsOptional()
  @IsString()
  readonly REDIS_USERNAME?: string;

  /** For all servers. Credentials in REDIS_URL take precedence. */
  @Secret()
  @Expose()
  @IsOptional()
  @IsString()
  readonly REDIS_PASSWORD?: string;

  /** `on` encrypts connections to all servers, Sentinels included. `rediss://` in REDIS_URL has the same effect. */
  @Expose()
  @IsIn(['on', 'off'])
  readonly REDIS_TLS: string = 'off';

  @Expose()
  @IsOptional()
  @IsString()
  readonly REDIS_SENTINEL_USERNAME?: string;

  @Secret()
  @Expose()
  @IsOptional()
  @IsString()
  readonly REDIS_SENTINEL_PASSWORD?: string;

  /** The names of the variables that say where Redis is and are set. */
  get redisVariables(): string[] {
    return [
      ...(this.REDIS_URL === undefined ? [] : ['REDIS_URL']),
      ...(this.REDIS_CLUSTER_NODES.length === 0 ? [] : ['REDIS_CLUSTER_NODES']),
      ...(this.REDIS_SENTINELS.length === 0 ? [] : ['REDIS_SENTINELS']),
    ];
  }

  get redis(): RedisSettings {
    const access = {
      username: this.REDIS_USERNAME,
      password: this.REDIS_PASSWORD,
      tls: this.REDIS_TLS === 'on',
    };
    if (this.REDIS_CLUSTER_NODES.length > 0) return { ...access, nodes: this.REDIS_CLUSTER_NODES };
    if (this.REDIS_SENTINELS.length === 0) return { ...access, url: this.REDIS_URL ?? DEFAULT_URL };
    return {
      ...access,
      sentinels: this.REDIS_SENTINELS,
      master: this.REDIS_SENTINEL_MASTER,
      sentinelUsername: this.REDIS_SENTINEL_USERNAME,
      sentinelPassword: this.REDIS_SENTINEL_PASSWORD,
    };
  }
}
