import { placeOf, type RedisClient } from './clients/client.js';
import { scriptError, UnconfirmedError } from './errors.js';
import type { Script } from './script.js';

/** Milliseconds for which replicas are waited for: a request has to be answered in less than two seconds. */
const DEADLINE = 600;
/** Seconds for which a mark is kept. Nobody reads it. */
const MARK_SECONDS = 60;

type Command = readonly [name: string, ...args: (string | number)[]];

interface Work {
  readonly command: Command;
  /** What is sent when the server does not know the script. */
  readonly instead?: Command;
  done(reply: unknown): void;
  fail(error: unknown): void;
}

/**
 * Writes that count only when enough replicas have them.
 *
 * WAIT speaks of the writes of its own connection, and nothing else gets through behind it. So there is a connection of
 * its own for these writes, and writes and WAIT go in one pipeline: neither can be on another connection than the
 * other. While one pipeline is under way to a server, writes gather for the next: one WAIT serves them all.
 */
export class WriteQuorum {
  /** Works for each server; those of a server for which a pipeline is under way wait here. */
  private readonly lanes = new Map<string, Work[]>();

  /**
   * @param redis a connection that nobody else uses
   * @param replicas how many must have a write
   */
  constructor(
    private readonly redis: RedisClient,
    private readonly replicas: number,
    private readonly deadline = DEADLINE,
  ) {}

  /**
   * Runs a script that writes.
   *
   * @throws UnconfirmedError when it was executed, but not enough replicas have it
   * @throws as `Script.run`
   */
  run<Reply>(
    script: Script<Reply>,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply> {
    const [command, instead] = script.commands(keys, args);
    return this.send(keys[0] ?? '', command, instead) as Promise<Reply>;
  }

  /**
   * Confirms what others wrote: replicas have all that the server of a key had now.
   *
   * @param mark a key beside what was written; WAIT would not wait for writes of other connections without one of its own
   * @throws UnconfirmedError
   */
  async confirm(mark: string): Promise<void> {
    await this.send(mark, ['set', mark, '', 'EX', MARK_SECONDS]);
  }

  close(): void {
    this.redis.disconnect();
  }

  private send(key: string, command: Command, instead?: Command): Promise<unknown> {
    return new Promise((done, fail) => {
      this.add(placeOf(this.redis, key), { command, ...(instead && { instead }), done, fail });
    });
  }

  private add(place: string, work: Work): void {
    const lane = this.lanes.get(place);
    if (lane) {
      lane.push(work);
      return;
    }
    this.lanes.set(place, [work]);
    // What comes in the same turn of the event loop goes along.
    setImmediate(() => void this.empty(place));
  }

  private async empty(place: string): Promise<void> {
    try {
      for (let works = this.take(place); works.length > 0; works = this.take(place)) {
        try {
          await this.carryOut(works, place);
        } catch (error) {
          for (const { fail } of works) fail(error);
        }
      }
    } finally {
      // A lane that stays would be waited for by all writes to come.
      this.lanes.delete(place);
    }
  }

  private take(place: string): Work[] {
    return this.lanes.get(place)?.splice(0) ?? [];
  }

  private async carryOut(works: readonly Work[], place: string): Promise<void> {
    const commands = works.map(({ command }) => [...command]);
    const replies = await this.redis.pipeline([...commands, ['wait', this.replicas, this.deadline]]).exec();
    const [waitError, confirmations] = replies?.at(-1) ?? [];
    const reached = waitError ? 0 : Number(confirmations ?? 0);
    for (const [i, work] of works.entries()) {
      const [error, reply] = replies?.[i] ?? [];
      if (error?.message.startsWith('NOSCRIPT') && work.instead) {
        const { instead: command, done, fail } = work;
        this.add(place, { command, done, fail });
      } else if (error) work.fail(scriptError(error));
      else if (reached < this.replicas) work.fail(new UnconfirmedError(reached, this.replicas));
      else work.done(reply);
    }
  }
}
