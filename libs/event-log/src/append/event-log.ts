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
import { PartitionLog } from '../reading/partition-log.js';
import { MAX_CALL_EVENT_CHARACTERS, MAX_CALL_EVENTS } from './append-call.js';
import { type AppendLimits, costOf, countSaves, isRefunded, limitsOf } from './append-limits.js';
import { AppendQueue } from './append-queue.js';
import type { Appended, AppendOptions, BatchItem } from './append-types.js';
import { type KeyedEvent, withCopyRecord, withKey } from './unfinished-copies.js';

/** Maximum searches for boards that count another's scores, while such boards are being defined. */
const MAX_USE_LOOKUPS = 10;

/** The log. An acknowledged event is as durable as the server's persistence, or the quorum of replicas, makes it. */
export class EventLog {
  private readonly queues = new Map<PartitionKeys, AppendQueue>();

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    /** If given, enough replicas must confirm each append. */
    private readonly quorum?: WriteQuorum,
    private readonly limits: AppendLimits = {},
  ) {}

  /**
   * Appends an event. With an idempotency key, it is appended once for that actor, subject, and key.
   *
   * @throws IdempotencyConflictError when the key was used for another event
   * @throws UnconfirmedError if it is in the log, but not on enough replicas: try again with the same key
   * @throws BeingErasedError while the event's player is being erased
   * @throws NotReplayedError, DefinitionChangedError, BoardInUseError, BoardScoredError, VersionConflictError,
   *   TooSoonError if a condition does not hold; they are checked in this order
   * @throws NoSuchBoardError, QuotaExceededError, ProfileBehindError, and whatever the budget throws
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
   * Appends many events. Events of one partition keep their order, and each can fail without the others.
   *
   * @returns for each event, in order, what `append` would have returned or thrown
   */
  appendAll(items: readonly BatchItem[]): Promise<(Appended | Error)[]> {
    return this.withBudget(items, paid => this.appendToAll(paid));
  }

  /** Appends the events for which their player's budget suffices. */
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
   * Appends a copy of an event to another partition.
   *
   * @param first the id of the original event
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
   * After an error it may be in some of them only, until another process appends the rest some seconds later. Appending it
   * again makes it a new, later event.
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
   * Appends the missing copies of an event that partition 0 has.
   *
   * @returns the id in partition 0
   * @throws NotReplayedError if partition 0 does not have it
   */
  async finishEverywhere(event: KeyedEvent): Promise<EventId> {
    const [leader, ...followers] = this.topology.all(eventDefinitionOf(event.type).stream) as [
      PartitionKeys,
      ...PartitionKeys[],
    ];
    const { ref } = await this.appendTo(leader, event, { replayOnly: true });
    const id = formatEventId(ref.id);
    // The record of the key remains after the event has been erased.
    if (!(await new PartitionLog(this.redis, leader).event(id))) throw new NotReplayedError();
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

  /** Whether another board counts the scores of this board. Such a board is defined in the same partition. */
  private async isCounted(keys: PartitionKeys, board: string): Promise<boolean> {
    const definitions = await readWholeHash(this.redis, keys.definitions());
    // Compares the text, because parsing a hundred thousand definitions would take too long.
    return Object.values(definitions).some(text => {
      // The mark ` scored` has no event id and no source.
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

/** Divides the items into calls, in order. */
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

/** The characters of the attributes, which are nearly all that can be long in an event besides its document. */
function attributeCharacters({ data }: NewEvent): number {
  const { attributes } = data as { readonly attributes?: Readonly<Record<string, unknown>> };
  let characters = 0;
  for (const name in attributes) {
    const value = attributes[name];
    characters += name.length + (typeof value === 'string' ? value.length : 0);
  }
  return characters;
}
