import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisClient } from './clients/client.js';
import { scriptError } from './errors.js';

type Command = readonly [name: 'eval' | 'evalsha', ...args: (string | number)[]];

/**
 * One atomic action: a Lua file, whose header states keys, arguments, replies, and errors. A line `-- include <path>`
 * stands for the text of another file.
 *
 * Redis is sent the hash of the script. A server that does not know it (fresh, restarted, flushed) is sent the text once.
 */
export class Script<Reply> {
  private readonly text: string;
  private readonly sha: string;

  /** @param file where the script is, by the name of the script */
  constructor(file: URL) {
    this.text = readFileSync(file, 'utf8').replace(/^-- include (\S+)$/m, (_, path: string) =>
      readFileSync(new URL(path, file), 'utf8'),
    );
    this.sha = createHash('sha1').update(this.text).digest('hex');
  }

  /** What to send, and what when the server does not know the script. */
  commands(keys: readonly string[], args: readonly (string | number)[]): readonly [Command, Command] {
    const rest = [keys.length, ...keys, ...args] as const;
    return [
      ['evalsha', this.sha, ...rest],
      ['eval', this.text, ...rest],
    ];
  }

  /** @throws the typed error of `errors.ts` that belongs to the script's error code */
  async run(redis: RedisClient, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    try {
      return (await redis.evalsha(this.sha, keys.length, ...keys, ...args)) as Reply;
    } catch (error) {
      if (!isNoScript(error)) throw scriptError(error);
    }
    try {
      return (await redis.eval(this.text, keys.length, ...keys, ...args)) as Reply;
    } catch (error) {
      throw scriptError(error);
    }
  }
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** Loads scripts from a folder: a library has one for those that it owns. */
export function scriptsIn(folder: URL): <Reply>(name: string) => Script<Reply> {
  return name => new Script(new URL(`${name}.lua`, folder));
}
