import { type EventId, formatEventId } from '#libs/events';
import { type RedisClient, Script } from '#libs/redis';
import type { Held, States } from './held-states.js';
import type { Effect } from './projection.js';
import type { Source, View } from './view.js';

const commit = new Script<string>('commit');

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

type PackedArgument = string | number | readonly [key: number];

/** Keys, effects and documents as arguments of a script: each key once, and everything else by number. */
export class ScriptArguments {
  readonly keys: string[] = [];
  readonly types: string[] = [];
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
  numberOf(key: string, type: string): number {
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.keys.push(key) + this.keysBefore;
      this.types.push(type);
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

/** Commits changes: each is made, and its event acknowledged, if what it was computed from still holds. */
export async function commitChanges(
  redis: RedisClient,
  { keys, group }: Source,
  view: View<unknown>,
  states: States<unknown>,
  changes: readonly Change[],
): Promise<Outcome[] | 'stale'> {
  const args = new ScriptArguments(2, 5);
  const read = [...states.revisions()];
  for (const { key } of read) args.numberOf(key, 'hash');
  const packed = changes.map(change => packChange(change, args));
  const reply = await commit.run(
    redis,
    [keys.stream, keys.live(group), ...args.keys],
    [
      group,
      `${view.keys.generation} ${view.revision}`,
      JSON.stringify(args.types.slice(read.length)),
      JSON.stringify(read.map(({ fields, revisions }) => [fields, revisions])),
      JSON.stringify(packed),
      ...args.documents,
    ],
  );
  return reply === 'stale' ? reply : [...reply].map(letter => OUTCOMES[letter] ?? 'conflict');
}

function packChange({ id, states, writes, effects }: Change, args: ScriptArguments): unknown[] {
  const change = [formatEventId(id), states.map(({ number }) => number)];
  if (writes.length === 0 && effects.length === 0) return change;
  return [
    ...change,
    writes.map(({ held, value }) => [held.number, args.text(value)]),
    effects.map(effect => args.pack(effect)),
  ];
}

/** An effect that lets every worker know that the rules are others. */
export function newRevision({ keys, group }: Source): Effect {
  return { command: 'HINCRBY', type: 'hash', key: keys.live(group), args: ['revision', '1'] };
}
