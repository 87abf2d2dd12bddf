import { randomBytes } from 'node:crypto';
import { type EventId, formatEventId } from '#libs/events';
import { type RedisClient } from '#libs/redis';
import type { Held, States } from './held-states.js';
import { script } from './lua.js';
import type { Effect, KeyType } from './projection.js';
import type { Source, View } from './view.js';

const commit = script<string>('commit');

export interface Change {
  readonly id: EventId;
  /** States that must be what they were when they were read, but for the changes before this one. */
  readonly states: readonly Held<unknown>[];
  readonly writes: readonly { readonly held: Held<unknown>; readonly value: string }[];
  readonly effects: readonly Effect[];
}

/** What became of a change, as `commit.lua` says it. */
export type Outcome = 'applied' | 'duplicate' | 'conflict' | 'barred';

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  a: 'applied',
  d: 'duplicate',
  c: 'conflict',
  w: 'barred',
};

/** Characters of a text that stands among others in JSON, at most. */
const INLINE = 80;

/** The type of a key that has been read: it was the right one. */
const READ = 'read';

type PackedArgument = string | number | readonly [key: number];

/** Keys, effects and documents as arguments of a script: each key once, and everything else by number. */
export class ScriptArguments {
  readonly keys: string[] = [];
  /** The keys whose types are to be checked, and these, in turn. */
  readonly types: (string | number)[] = [];
  readonly documents: string[] = [];
  private readonly numbers = new Map<string, number>();

  /**
   * @param keysBefore how many KEYS stand before these
   * @param argsBefore how many ARGV stand before the documents
   */
  constructor(
    private readonly keysBefore: number,
    private readonly argsBefore: number,
  ) {}

  /** Where the key stands in KEYS. */
  numberOf(key: string, type: KeyType | typeof READ): number {
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.keys.push(key) + this.keysBefore;
      // A string can be set whatever was there.
      if (type !== READ && type !== 'string') this.types.push(number, type);
      this.numbers.set(key, number);
    }
    return number;
  }

  /** `[command, n, arguments...]`, where a number among the arguments means that ARGV, and a list of one that KEYS. */
  pack({ command, type, key, args }: Effect): (string | PackedArgument)[] {
    return [command, this.numberOf(key, type), ...args.map(argument => this.argument(argument))];
  }

  private argument(argument: Effect['args'][number]): PackedArgument {
    if (typeof argument === 'string') return this.text(argument);
    return 'key' in argument ? [this.numberOf(argument.key, argument.type)] : this.text(argument.document, 0);
  }

  /** A text as it is, or, when it is long, where it stands in ARGV: there, nothing is escaped. */
  text(text: string, inline = INLINE): string | number {
    return text.length <= inline ? text : this.documents.push(text) + this.argsBefore;
  }
}

/** Names for moments, that no other process has. */
const ORIGIN = randomBytes(6).toString('base64url');
let ticks = 0;

/** For so many batches, after another worker was in between, the states are listed at once. */
const CROWDED = 100;

/** Commits changes: each is made, and its event acknowledged, if what it was computed from still holds. */
export async function commitChanges(
  redis: RedisClient,
  source: Source,
  view: View<unknown>,
  states: States<unknown>,
  changes: readonly Change[],
): Promise<Outcome[] | 'stale'> {
  const run = (isListed: boolean) =>
    commit.run(redis, ...packCommit(source, view, states, changes, isListed));
  let reply = await run(view.crowded > 0 || states.tick === undefined);
  view.crowded = reply === 'moved' ? CROWDED : Math.max(0, view.crowded - 1);
  if (reply === 'moved') reply = await run(true);
  if (reply === 'stale') return reply;
  let next = 0;
  let nextIdle = changes.filter(change => !isIdle(change)).length;
  return changes.map(change => OUTCOMES[reply[isIdle(change) ? nextIdle++ : next++] ?? ''] ?? 'conflict');
}

/** @param isListed whether the states are compared one by one, if something has changed since they were read */
function packCommit(
  { keys, group }: Source,
  view: View<unknown>,
  states: States<unknown>,
  changes: readonly Change[],
  isListed: boolean,
): [keys: string[], args: string[]] {
  const args = new ScriptArguments(2, 9);
  const listed = isListed ? [...states.revisions()] : [];
  for (const { key } of listed) args.numberOf(key, READ);
  const own: unknown[] = [];
  const idle: Change[] = [];
  for (const change of changes) {
    if (isIdle(change)) idle.push(change);
    else packChange(change, states, args, own);
  }
  const texts = [
    group,
    `${view.keys.generation} ${view.revision}`,
    states.tick ?? '',
    `${ORIGIN}${ticks++}`,
    JSON.stringify(args.types),
    isListed ? JSON.stringify(listed.map(({ fields, revisions }) => [fields, revisions])) : '',
    JSON.stringify(own),
    JSON.stringify(idle.map(({ id }) => formatEventId(id))),
    JSON.stringify(idle.map(change => change.states.map(({ number }) => number))),
  ];
  return [
    [keys.stream, keys.live(group), ...args.keys],
    [...texts, ...args.documents],
  ];
}

const isIdle = ({ writes, effects }: Change) => writes.length === 0 && effects.length === 0;

/** As `commit.lua` takes it: flat, for many small lists are slow to read in Lua. */
function packChange(change: Change, states: States<unknown>, args: ScriptArguments, packed: unknown[]): void {
  const { id, writes, effects } = change;
  packed.push(formatEventId(id), change.states.length);
  for (const { number } of change.states) packed.push(number);
  packed.push(writes.length + effects.length);
  for (const { held, value } of writes) {
    const { key, field } = held.address;
    const command = states.isAlone(held) ? 'HSET' : 'FIELD';
    packed.push(4, command, args.numberOf(key, READ), field, args.text(value));
  }
  for (const effect of effects) packed.push(2 + effect.args.length, ...args.pack(effect));
}

/** An effect that lets every worker know that the rules are others. */
export function newRevision({ keys, group }: Source): Effect {
  return { command: 'HINCRBY', type: 'hash', key: keys.live(group), args: ['revision', '1'] };
}
