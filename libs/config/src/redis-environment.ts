import { Expose, Transform } from 'class-transformer';
import { IsIn, IsOptional, IsString, Matches, ValidateBy, type ValidationArguments } from 'class-validator';
import { list } from './lists.js';
import { Secret } from './secrets.js';

/** Who is let in, and whether the connection is encrypted. */
interface Access {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls: boolean;
}

/** Where Redis is: one server, some nodes of a cluster, or Sentinels that know which server it is now. */
export type RedisSettings = Access &
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

const places = (found: ValidationArguments | undefined) =>
  (found?.object as RedisEnvironment | undefined)?.places ?? [];

/** Of the ways to say where Redis is, one at most. */
const Alone = () =>
  ValidateBy({
    name: 'alone',
    validator: {
      validate: (value: readonly string[], found) => value.length === 0 || places(found).length === 1,
      defaultMessage: found => `${places(found).join(' and ')} are set: name Redis in one of them only`,
    },
  });

/** Where Redis is. Exactly one of REDIS_URL, REDIS_CLUSTER_NODES and REDIS_SENTINELS says it. */
export class RedisEnvironment {
  /** One server. Unset, with the other two unset: one on this machine. */
  @Secret()
  @Expose()
  @IsOptional()
  @Matches(/^rediss?:\/\/\S+$/, {
    message: 'REDIS_URL must look like redis://[user:password@]host:port[/database], or rediss:// for TLS',
  })
  readonly REDIS_URL?: string;

  /** Some nodes of a Redis Cluster. */
  @Expose()
  @Transform(list)
  @Matches(HOST_AND_PORT, { each: true, message: 'REDIS_CLUSTER_NODES must list nodes as host:port' })
  @Alone()
  readonly REDIS_CLUSTER_NODES: readonly string[] = [];

  /** Sentinels, which know the server that is the master now. */
  @Expose()
  @Transform(list)
  @Matches(HOST_AND_PORT, { each: true, message: 'REDIS_SENTINELS must list Sentinels as host:port' })
  @Alone()
  readonly REDIS_SENTINELS: readonly string[] = [];

  /** What the Sentinels call it. */
  @Expose()
  @IsString()
  readonly REDIS_SENTINEL_MASTER: string = 'mymaster';

  /** Of all servers. A user in REDIS_URL goes before it. */
  @Expose()
  @IsOptional()
  @IsString()
  readonly REDIS_USERNAME?: string;

  /** As REDIS_USERNAME. */
  @Secret()
  @Expose()
  @IsOptional()
  @IsString()
  readonly REDIS_PASSWORD?: string;

  /** `on` for all servers, Sentinels included. `rediss://` in REDIS_URL says the same. */
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

  /** The variables that say where Redis is. */
  get places(): string[] {
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
