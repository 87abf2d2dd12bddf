import { randomBytes } from 'node:crypto';
import { type EventId, formatEventId } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import type { LoadedState, LoadedStates } from './loaded-states.js';
import { script } from './lua.js';
import type { Effect, KeyType } from './state-changes.js';
import type { PartitionView, Source } from './view.js';

const commit = script<string>('commit');

/** Everything that one event changes. */
export interface EventChange {
  readonly id: EventId;
  /** The change is valid only if nobody else has changed these states since they were read. */
  readonly states: readonly LoadedState<unknown>[];
  readonly writes: readonly { readonly state: LoadedState<unknown>; readonly value: string }[];
  readonly effects: readonly Effect[];
}

/** The result of one change. `barred`: a barrier stands before the event, so it stays pending. */
export type Outcome = 'applied' | 'duplicate' | 'conflict' | 'barred';

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  a: 'applied',
  d: 'duplicate',
  c: 'conflict',
  w: 'barred',
};

/** A longer text is passed as its own ARGV, where it is not escaped. */
const MAX_INLINE_CHARS = 80;

/** Instead of a key type: reading the key has already checked it. */
const ALREADY_READ = 'read';

type PackedArgument = string | number | readonly [key: number];

/** Collects the KEYS and ARGV of a script. Each key is passed once, and effects refer to it by its position. */
export class ScriptArguments {
  readonly keys: string[] = [];
  /** Positions of the keys whose types the script checks, each followed by the type. */
  readonly types: (string | number)[] = [];
  readonly documents: string[] = [];
  private readonly positions = new Map<string, number>();

  /**
   * @param keysBefore how many other KEYS come first
   * @param argsBefore how many other ARGV come before the documents
   */
  constructor(
    private readonly keysBefore: number,
    private readonly argsBefore: number,
  ) {}

  /** The position of the key in KEYS. */
  indexOfKey(key: string, type: KeyType | typeof ALREADY_READ): number {
    let position = this.positions.get(key);
    if (position === undefined) {
      position = this.keys.push(key) + this.keysBefore;
      // SET overwrites a key of any type.
      if (type !== ALREADY_READ && type !== 'string') this.types.push(position, type);
      this.positions.set(key, position);
    }
    return position;
  }

  /** `[command, position of the key, arguments...]`. A number as argument means that ARGV, a list of one number that KEYS. */
  pack({ command, type, key, args }: Effect): (string | PackedArgument)[] {
    return [command, this.indexOfKey(key, type), ...args.map(argument => this.argument(argument))];
  }

  private argument(argument: Effect['args'][number]): PackedArgument {
    if (typeof argument === 'string') return this.text(argument);
    return 'key' in argument
      ? [this.indexOfKey(argument.key, argument.type)]
      : this.text(argument.document, 0);
  }

  /** @returns the text itself, or, if it is long, its position in ARGV */
  text(text: string, maxInlineChars = MAX_INLINE_CHARS): string | number {
    return text.length <= maxInlineChars ? text : this.documents.push(text) + this.argsBefore;
  }
}

/** Together with a counter, it makes write tokens that no other process uses. */
const PROCESS_ID = randomBytes(6).toString('base64url');
let commitsStarted = 0;

/** After a commit that another worker interfered with, so many commits compare each state instead of only the write token. */
const CONTENDED_BATCHES = 100;

/** Commits each change and acknowledges its event, unless another worker has changed one of its states since it was read. */
export async function commitChanges(
  redis: RedisClient,
  source: Source,
  view: PartitionView<unknown>,
  states: LoadedStates<unknown>,
  changes: readonly EventChange[],
): Promise<Outcome[] | 'stale'> {
  const run = (comparesStates: boolean) =>
    commit.run(redis, ...packCommit(source, view, states, changes, comparesStates));
  let reply = await run(view.contendedBatches > 0 || states.writeToken === undefined);
  view.contendedBatches = reply === 'moved' ? CONTENDED_BATCHES : Math.max(0, view.contendedBatches - 1);
  if (reply === 'moved') reply = await run(true);
  if (reply === 'stale') return reply;
  // The reply has the changes that do something first, and then the others.
  let next = 0;
  let nextEmpty = changes.filter(change => !changesNothing(change)).length;
  return changes.map(
    change => OUTCOMES[reply[changesNothing(change) ? nextEmpty++ : next++] ?? ''] ?? 'conflict',
  );
}

/** @param comparesStates whether, if the write token has changed, the script compares each state instead of giving up */
function packCommit(
  { keys, group }: Source,
  view: PartitionView<unknown>,
  states: LoadedStates<unknown>,
  changes: readonly EventChange[],
  comparesStates: boolean,
): [keys: string[], args: string[]] {
  const args = new ScriptArguments(2, 9);
  const compared = comparesStates ? [...states.revisions()] : [];
  for (const { key } of compared) args.indexOfKey(key, ALREADY_READ);
  const packed: unknown[] = [];
  const empty: EventChange[] = [];
  for (const change of changes) {
    if (changesNothing(change)) empty.push(change);
    else packChange(change, states, args, packed);
  }
  const texts = [
    group,
    `${view.keys.generation} ${view.revision}`,
    states.writeToken ?? '',
    `${PROCESS_ID}${commitsStarted++}`,
    JSON.stringify(args.types),
    comparesStates ? JSON.stringify(compared.map(({ fields, revisions }) => [fields, revisions])) : '',
    JSON.stringify(packed),
    JSON.stringify(empty.map(({ id }) => formatEventId(id))),
    JSON.stringify(empty.map(change => change.states.map(({ position }) => position))),
  ];
  return [
    [keys.stream, keys.live(group), ...args.keys],
    [...texts, ...args.documents],
  ];
}

const changesNothing = ({ writes, effects }: EventChange) => writes.length === 0 && effects.length === 0;

/** Appends a change in the format of `commit.lua`. It is flat, because Lua decodes many small lists slowly. */
function packChange(
  change: EventChange,
  states: LoadedStates<unknown>,
  args: ScriptArguments,
  packed: unknown[],
): void {
  const { id, writes, effects } = change;
  packed.push(formatEventId(id), change.states.length);
  for (const { position } of change.states) packed.push(position);
  packed.push(writes.length + effects.length);
  for (const { state, value } of writes) {
    const { key, field } = state.address;
    const command = states.isOnlyFieldOfHash(state) ? 'HSET' : 'FIELD';
    packed.push(4, command, args.indexOfKey(key, ALREADY_READ), field, args.text(value));
  }
  for (const effect of effects) packed.push(2 + effect.args.length, ...args.pack(effect));
}

/** The effect by which other workers notice that the rules have changed. */
export function incrementRevision({ keys, group }: Source): Effect {
  return { command: 'HINCRBY', type: 'hash', key: keys.live(group), args: ['revision', '1'] };
}
