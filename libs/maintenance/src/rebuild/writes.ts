import { type Effect, ScriptArguments } from '#libs/projections';

/** Maximum arguments of one command. Lua can unpack some 8,000. */
const MAX_ARGS = 2_000;
/** About the maximum characters in one script call. Redis does nothing else while it runs. */
const MAX_CALL_CHARACTERS = 64 * 1024;

/** Writes in order. Consecutive writes with the same command and key are merged. */
export class Writes {
  private writes: Effect[] = [];
  /** Writes that can still be extended, by command and key. */
  private open = new Map<string, Effect['args'][number][]>();

  add({ command, type, key, args }: Effect): void {
    const id = `${command} ${key}`;
    const grown = this.open.get(id);
    if (grown && grown.length < MAX_ARGS) {
      grown.push(...args);
      return;
    }
    const own = [...args];
    this.writes.push({ command, type, key, args: own });
    if (command === 'HSET' || command === 'ZADD' || command === 'ZREM') this.open.set(id, own);
  }

  /** Keeps everything that is added from now on after what was added before. */
  close(): void {
    this.open.clear();
  }

  /** All writes, in parts that fit into one script call. There is at least one part. */
  *parts(): Generator<readonly Effect[]> {
    let part: Effect[] = [];
    let length = 0;
    for (const write of this.writes) {
      if (length > MAX_CALL_CHARACTERS) {
        yield part;
        part = [];
        length = 0;
      }
      part.push(write);
      for (const argument of write.args) length += lengthOf(argument);
    }
    yield part;
  }
}

function lengthOf(argument: Effect['args'][number]): number {
  if (typeof argument === 'string') return argument.length;
  return 'key' in argument ? argument.key.length : argument.document.length;
}

/** A part as arguments of a script, with one key and so many ARGV before them. */
export function packPart(part: readonly Effect[], argsBefore: number) {
  const args = new ScriptArguments(1, argsBefore);
  const json = JSON.stringify(part.map(write => args.pack(write)));
  return { keys: args.keys, json, texts: args.documents };
}
