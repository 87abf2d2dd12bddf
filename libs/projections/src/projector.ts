import type { Settlement } from '#libs/event-log';
import { type EventId, type EventType, eventTypesOf, formatEventId, type RecordedEvent } from '#libs/events';
import { type PartitionKeys, type RedisClient, Script, WrongTypeError } from '#libs/redis';
import type { Address, Effect, Projection } from './projection.js';

/** Which partition a batch is from, and for which group it is acknowledged. */
export interface Source {
  readonly keys: PartitionKeys;
  readonly group: string;
}

/** How often events are computed anew in one go, when other workers change the same states. */
const ATTEMPTS = 10;

const commit = new Script<string>('commit');

/** A state, and the revision that is stored with it; empty when there is none. */
interface Held<State> {
  readonly state: State | undefined;
  readonly revision: string;
}

/**
 * The running side of a projection: reads the states that a batch touches, folds the batch over them, and
 * commits each event's change under the condition that its state is still the one that was read.
 *
 * The commit acknowledges and changes in one step, so an event takes effect once, whoever else has it.
 */
export class Projector<State, T extends EventType> {
  /** @throws Error when the stream can carry events that the projection does not handle */
  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T>,
  ) {
    const handled: readonly EventType[] = projection.handles;
    const missing = eventTypesOf(projection.stream).filter(type => !handled.includes(type));
    if (missing.length > 0) {
      throw new Error(
        `${projection.name} does not handle ${missing.join(', ')}: name them in its \`handles\``,
      );
    }
  }

  /** @param events of one partition, in the order of the log */
  async apply(events: readonly RecordedEvent<T>[], source: Source): Promise<Settlement> {
    const total = { applied: 0, duplicates: 0, deferred: [] as EventId[] };
    let open = events;
    for (let attempt = 1; open.length > 0; attempt++) {
      const states = await this.load(open, source.keys);
      const changes = new ChangeSet(source);
      const due = open.filter(event => {
        const address = this.projection.address(event, source.keys);
        const id = `${address.key}/${address.field}`;
        const held = states.get(id) ?? { state: undefined, revision: '' };
        if (this.projection.isNext && !this.projection.isNext(held.state, event)) {
          total.deferred.push(event.id);
          return false;
        }
        states.set(id, this.fold(changes, address, held, event, source.keys));
        return true;
      });
      const outcome = due.length > 0 ? await changes.commit(this.redis) : '';
      total.applied += count(outcome, 'a');
      total.duplicates += count(outcome, 'd');
      open = due.filter((_, i) => outcome[i] === 'c');
      if (attempt === ATTEMPTS) {
        total.deferred.push(...open.map(event => event.id));
        break;
      }
    }
    return total;
  }

  private fold(
    changes: ChangeSet,
    address: Address,
    held: Held<State>,
    event: RecordedEvent<T>,
    keys: PartitionKeys,
  ): Held<State> {
    const { projection } = this;
    const after = projection.evolve(held.state, event);
    if (after === held.state) {
      changes.add(event.id, address, held.revision, false, []);
      return held;
    }
    const value = projection.format(after);
    const effects = projection.effects?.(held.state, after, event, keys) ?? [];
    changes.add(event.id, address, held.revision, value, effects);
    return { state: after, revision: revisionOf(value) };
  }

  private async load(
    events: readonly RecordedEvent<T>[],
    keys: PartitionKeys,
  ): Promise<Map<string, Held<State>>> {
    const fieldsByKey = new Map<string, Set<string>>();
    for (const event of events) {
      const { key, field } = this.projection.address(event, keys);
      const fields = fieldsByKey.get(key);
      if (fields) fields.add(field);
      else fieldsByKey.set(key, new Set([field]));
    }
    const states = new Map<string, Held<State>>();
    await Promise.all(
      [...fieldsByKey].map(async ([key, fields]) => {
        const names = [...fields];
        const values = await this.redis.hmget(key, ...names).catch((error: Error) => {
          throw error.message.startsWith('WRONGTYPE') ? new WrongTypeError(key) : error;
        });
        names.forEach((field, i) => {
          const value = values[i];
          if (value == null) return;
          states.set(`${key}/${field}`, { state: this.projection.parse(value), revision: revisionOf(value) });
        });
      }),
    );
    return states;
  }
}

/** The arguments of `commit.lua`, as they come together. */
class ChangeSet {
  private readonly keys: string[] = [];
  private readonly types: string[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly changes: unknown[] = [];
  private readonly documents: string[] = [];

  constructor(private readonly source: Source) {}

  add(
    id: EventId,
    { key, field }: Address,
    revision: string,
    value: string | false,
    effects: readonly Effect[],
  ): void {
    const packed = effects.map(effect => [
      effect.command,
      this.numberOf(effect.key, effect.type),
      ...effect.args.map(argument =>
        typeof argument === 'string' ? argument : this.documentNumber(argument.document),
      ),
    ]);
    this.changes.push([formatEventId(id), this.numberOf(key, 'hash'), field, revision, value, packed]);
  }

  commit(redis: RedisClient): Promise<string> {
    return commit.run(
      redis,
      [this.source.keys.stream, ...this.keys],
      [this.source.group, JSON.stringify(this.types), JSON.stringify(this.changes), ...this.documents],
    );
  }

  /** Where the key stands in KEYS, which begins with the stream. */
  private numberOf(key: string, type: string): number {
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.keys.push(key) + 1;
      this.types.push(type);
      this.numbers.set(key, number);
    }
    return number;
  }

  /** Where the document stands in ARGV, behind group, types and changes. */
  private documentNumber(document: string): number {
    return this.documents.push(document) + 3;
  }
}

function revisionOf(value: string): string {
  const end = value.indexOf(' ');
  return end < 0 ? value : value.slice(0, end);
}

function count(outcome: string, letter: string): number {
  return outcome.split(letter).length - 1;
}
