import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisClient } from './client.js';
import { scriptError } from './errors.js';

type Command = readonly [name: 'eval' | 'evalsha', ...args: (string | number)[]];

const read = (file: string) => readFileSync(new URL(`./scripts/${file}`, import.meta.url), 'utf8');

/**
 * One atomic action, a file of `scripts/`, whose header states keys, arguments, replies and errors. A line
 * `-- include <file>` stands for functions that it shares with others.
 *
 * It is sent by its hash; a server that does not know it (fresh, restarted, flushed) gets the text once.
 */
export class Script<Reply> {
  private readonly text: string;
  private readonly sha: string;

  constructor(readonly name: string) {
    this.text = read(`${name}.lua`).replace(/^-- include (\S+)$/m, (_, file: string) => read(file));
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
