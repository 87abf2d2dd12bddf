import {
  compareEventIds,
  type EventId,
  type EventType,
  eventDefinitionOf,
  formatEventId,
  type NewEvent,
} from '#libs/events';
import { isRedisUnavailable, type RedisClient, readWholeHash, type WriteQuorum } from '#libs/redis';
import { DerivationsChangedError, NotReplayedError, UsageUnknownError } from '../errors.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import { partitionFor } from '../partitions/routing.js';
import type { Topology } from '../partitions/topology.js';
import { MAX_CALL_EVENT_CHARACTERS, MAX_CALL_EVENTS } from './append-call.js';
import { type AppendLimits, costOf, countSaves, isRefunded, limitsOf } from './append-limits.js';
import { AppendQueue } from './append-queue.js';
import type { Appended, AppendOptions, BatchItem } from './append-types.js';
import { type KeyedEvent, withCopyRecord, withKey } from './unfinished-copies.js';

/** Looks for boards that count another's scores, while such are being defined. */
const MAX_USE_LOOKUPS = 10;

/** The log. What `append` has answered is durable, as far as the server's persistence goes, or a quorum of replicas. */
export class EventLog {
  private readonly queues = new Map<PartitionKeys, AppendQueue>();

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    /** Replicas that must confirm what is appended. Without it, the server alone does. */
    private readonly quorum?: WriteQuorum,
    private readonly limits: AppendLimits = {},
  ) {}

  /**
   * Appends an event; with an idempotency key, once for actor, subject and key.
   *
   * @throws IdempotencyConflictError when the key was used for another event
   * @throws UnconfirmedError when it is in the log, but not on enough replicas: once more, with the key, is right
   * @throws BeingErasedError while the event's player is being erased
   * @throws NotReplayedError, DefinitionChangedError, BoardInUseError, BoardScoredError, VersionConflictError,
   *   TooSoonError, in this order, when a condition does not hold
   * @throws NoSuchBoardError, QuotaExceededError, ProfileBehindError, and what the budget throws
   */
  async append<T extends EventType>(event: NewEvent<T>, options: AppendOptions = {}): Promise<Appended> {
    if (eventDefinitionOf(event.type).inEveryPartition) return this.appendEverywhere(event, options);
    const [outcome] = await this.withBudget([{ event, options }], async ([item]) => {
      if (!item) return [];
      const keys = partitionFor(this.topology, event, options.shards);
      const limited = { ...options, ...limitsOf(event, this.limits) };
      return [await this.appendTo(keys, event, limited).catch((error: Error) => error)];
    });
    if (!outcome) throw new Error('the append script answered nothing');
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /**
   * Appends many events: those of one partition in their order, and each for itself, so that some can fail alone.
   *
   * @returns for each event, in their order, what `append` would have returned or thrown
   */
  appendAll(items: readonly BatchItem[]): Promise<(Appended | Error)[]> {
    return this.withBudget(items, paid => this.appendToAll(paid));
  }

  /** Appends what the budget of its player has room for. */
  private async withBudget(
    items: readonly BatchItem[],
    append: (paid: readonly BatchItem[]) => Promise<(Appended | Error)[]>,
  ): Promise<(Appended | Error)[]> {
    const { budget } = this.limits;
    if (!budget) return append(items);
    const costs = items.map(({ event, options = {} }) => costOf(event, options));
    const refusals = new Map<number, Error>();
    for (const [i, { event }] of items.entries()) {
      try {
        if (costs[i]) await budget.spend(event.actor.id, costs[i]);
      } catch (error) {
        refusals.set(i, error as Error);
      }
    }
    const answers = (await append(items.filter((_, i) => !refusals.has(i)))).values();
    return items.map(({ event }, i) => {
      const refusal = refusals.get(i);
      if (refusal) return refusal;
      const answer = answers.next().value as Appended | Error;
      if (costs[i] && isRefunded(answer)) budget.giveBack(event.actor.id, costs[i]);
      return answer;
    });
  }

  private async appendToAll(items: readonly BatchItem[]): Promise<(Appended | Error)[]> {
    const results: (Appended | Error)[] = [];
    const places = Map.groupBy(items.keys(), index => {
      const { event, options } = items[index] as BatchItem;
      return partitionFor(this.topology, event, options?.shards);
    });
    const appendIn = async (keys: PartitionKeys, indices: readonly number[]) => {
      for (const part of callsOf(items, indices)) {
        const answers = await this.queueOf(keys).append(part.map(index => items[index] as BatchItem));
        part.forEach((index, i) => {
          results[index] = answers[i] as Appended | Error;
        });
      }
    };
    await Promise.all([...places].map(([keys, indices]) => appendIn(keys, indices)));
    return results;
  }

  /**
   * Appends to another partition a copy of an event that the first partition has.
   *
   * @param first the id of the event there
   */
  copyTo<T extends EventType>(
    keys: PartitionKeys,
    event: NewEvent<T>,
    first: EventId,
    options?: AppendOptions,
  ): Promise<Appended> {
    const { toCopy } = eventDefinitionOf(event.type);
    if (!toCopy) throw new RangeError(`${event.type} has no copies`);
    return this.appendTo(keys, { ...event, data: toCopy(event.data, first) }, options);
  }

  /**
   * Appends an event to every partition of its stream, first to partition 0, which orders them.
   *
   * An error can leave it in some of them, until another process completes it a few seconds later. Appended once more, it is
   * a later event in all.
   */
  private appendEverywhere<T extends EventType>(
    event: NewEvent<T>,
    options: AppendOptions,
  ): Promise<Appended> {
    const { stream } = eventDefinitionOf(event.type);
    const [leader, ...followers] = this.topology.all(stream) as [PartitionKeys, ...PartitionKeys[]];
    const keyed = withKey(event);
    const append = async () => {
      const first = await this.appendTo(leader, keyed, options);
      const copies = await Promise.all(followers.map(keys => this.copyTo(keys, keyed, first.ref.id)));
      const ids = [first, ...copies].map(({ ref }) => ref.id).sort(compareEventIds);
      const ref = { stream, partition: 'all', id: ids.at(-1) ?? first.ref.id } as const;
      return { ref, replayed: first.replayed };
    };
    return withCopyRecord(this.redis, leader.unfinishedCopies(), keyed, append, isRedisUnavailable);
  }

  /**
   * Appends what is missing of the copies of an event that partition 0 has.
   *
   * @returns its id there
   * @throws NotReplayedError when partition 0 does not have it
   */
  async finishEverywhere(event: KeyedEvent): Promise<EventId> {
    const [leader, ...followers] = this.topology.all(eventDefinitionOf(event.type).stream) as [
      PartitionKeys,
      ...PartitionKeys[],
    ];
    const { ref } = await this.appendTo(leader, event, { replayOnly: true });
    const id = formatEventId(ref.id);
    // The record of its key outlives an event that was erased.
    if ((await this.redis.xrange(leader.stream, id, id)).length === 0) throw new NotReplayedError();
    await Promise.all(followers.map(keys => this.copyTo(keys, event, ref.id)));
    return ref.id;
  }

  private async appendTo<T extends EventType>(
    keys: PartitionKeys,
    event: NewEvent<T>,
    options: AppendOptions = {},
  ): Promise<Appended> {
    const append = (further?: AppendOptions) =>
      this.queueOf(keys).append([{ event, options: { ...options, ...further } }]);
    let [answer] = await append();
    if (answer instanceof UsageUnknownError) {
      await countSaves(this.redis, keys, eventDefinitionOf(event.type).subject(event.data));
      [answer] = await append();
    }
    for (let look = 0; answer instanceof DerivationsChangedError && look < MAX_USE_LOOKUPS; look++) {
      const counted = await this.isCounted(keys, eventDefinitionOf(event.type).subject(event.data));
      [answer] = await append({ use: { derivations: answer.count, counted } });
    }
    if (!answer) throw new Error('the append script answered nothing');
    if (answer instanceof Error) throw answer;
    return answer;
  }

  /** Whether another board counts the scores of a board: it is defined in the board's partition then. */
  private async isCounted(keys: PartitionKeys, board: string): Promise<boolean> {
    const definitions = await readWholeHash(this.redis, keys.definitions());
    // Of a hundred thousand definitions, hardly one need be parsed.
    return Object.values(definitions).some(text => {
      // The mark ` scored` has no event id before it, and names no source.
      const [definedBy, source] = text.split(' ', 2);
      return definedBy !== '' && source === board;
    });
  }

  private queueOf(keys: PartitionKeys): AppendQueue {
    let queue = this.queues.get(keys);
    if (!queue) {
      queue = new AppendQueue(this.redis, keys, this.quorum);
      this.queues.set(keys, queue);
    }
    return queue;
  }
}

/** Items for one call each, in their order. */
function* callsOf(items: readonly BatchItem[], indices: readonly number[]): Generator<number[]> {
  let part: number[] = [];
  let characters = 0;
  for (const index of indices) {
    const size = attributeCharacters((items[index] as BatchItem).event);
    if (
      part.length === MAX_CALL_EVENTS ||
      (part.length > 0 && characters + size > MAX_CALL_EVENT_CHARACTERS)
    ) {
      yield part;
      [part, characters] = [[], 0];
    }
    part.push(index);
    characters += size;
  }
  if (part.length > 0) yield part;
}

/** Nearly all that can be long in an event besides its document. */
function attributeCharacters({ data }: NewEvent): number {
  const { attributes } = data as { readonly attributes?: Readonly<Record<string, unknown>> };
  let characters = 0;
  for (const name in attributes) {
    const value = attributes[name];
    characters += name.length + (typeof value === 'string' ? value.length : 0);
  }
  return characters;
}
