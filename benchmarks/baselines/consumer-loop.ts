import { createBlockingClient, createClient } from '#libs/redis';

export type StreamEntry = readonly [id: string, fields: readonly string[]];

/** Keys and arguments for the script that acknowledges a batch and applies it. */
export interface ScriptCall {
  /** The first key is the stream. */
  readonly keys: readonly string[];
  /** The arguments after the first one, which is the consumer group. */
  readonly args: readonly string[];
}

/**
 * A hand-written consumer that is as fast as possible: one script call per batch, and the next batch is read while the last
 * one is applied. The command line arguments of the program are the URL, the stream, and the consumer group.
 */
export async function consume(
  script: string,
  batchSize: number,
  callFor: (entries: readonly StreamEntry[], stream: string) => ScriptCall,
): Promise<never> {
  const [, , url = '', stream = '', group = ''] = process.argv;
  const redis = createClient(url, 'loop');
  await redis.connect();
  const reader = createBlockingClient(redis, stream, 'loop:read', 60_000);
  await reader.connect();
  await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  const sha = (await redis.script('LOAD', script)) as string;
  process.once('disconnect', () => process.exit());
  process.send?.('ready');
  let applied: Promise<unknown> = Promise.resolve();
  for (;;) {
    const reply = (await reader.xreadgroup(
      ...(['GROUP', group, 'loop', 'COUNT', batchSize, 'BLOCK', 5_000, 'STREAMS', stream, '>'] as const),
    )) as [[string, StreamEntry[]]] | null;
    await applied;
    if (!reply) continue;
    const { keys, args } = callFor(reply[0][1], stream);
    applied = redis.evalsha(sha, keys.length, ...keys, group, ...args);
  }
}
