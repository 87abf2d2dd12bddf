/** Where one state is stored: a field of a Redis hash. */
export interface Address {
  readonly key: string;
  readonly field: string;
}

/** A state that an event can change. */
export interface Target {
  readonly address: Address;
  /** The board that the state belongs to, in projections of boards. */
  readonly board?: string;
  readonly period?: string | undefined;
  /** The version that the state holds, in projections that keep one state per version. */
  readonly version?: number;
}

/** A document as an argument. Scripts receive it as a separate ARGV, so that a large text is not escaped. */
export interface DocumentArgument {
  readonly document: string;
}

/** A key as an argument, for commands that use two keys. */
export interface KeyArgument {
  readonly key: string;
  readonly type: KeyType;
}

/** Key types, as the Redis command TYPE names them. */
export type KeyType = 'zset' | 'string' | 'hash' | 'ReJSON-RL';

/** A write that belongs to a change of state and is made in the same atomic step. */
export interface Effect {
  /** A Redis command, or `LEVEL`, which `commit.lua` defines. */
  readonly command: 'ZADD' | 'ZREM' | 'SET' | 'HSET' | 'HDEL' | 'HINCRBY' | 'UNLINK' | 'LEVEL' | 'JSON.SET';
  readonly type: KeyType;
  readonly key: string;
  readonly args: readonly (string | DocumentArgument | KeyArgument)[];
}
