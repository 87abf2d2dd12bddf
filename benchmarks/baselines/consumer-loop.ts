import { createBlockingClient, createClient } from '#libs/redis';

export type Entry = readonly [id: string, fields: readonly string[]];

/** Keys and arguments for the script that acknowledges a batch and applies it. */
export interface ScriptCall {
  /** The stream is first. */
  readonly keys: readonly string[];
  /** Behind the group, which is first. */
  readonly args: readonly string[];
}

/**
 * What somebody would write by hand to consume a stream as fast as can be: one script call for each batch, and the next
 * batch is read while the last is applied. The program gets URL, stream and group as arguments.
 */
export async function consume(
  script: string,
  batchSize: number,
  callFor: (entries: readonly Entry[], stream: string) => ScriptCall,
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
    )) as [[string, Entry[]]] | null;
    await applied;
    if (!reply) continue;
    const { keys, args } = callFor(reply[0][1], stream);
    applied = redis.evalsha(sha, keys.length, ...keys, group, ...args);
  }
}
