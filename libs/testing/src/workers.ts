import type { PartitionKeys, Settlement } from '#libs/event-log';
import type { EventType, NewEvent, RecordedEvent } from '#libs/events';
import { type Projection, Projector, partitionRulesOf, stateKeys } from '#libs/projections';
import { createClient, type RedisClient } from '#libs/redis';
import { appendScores, deliver, work } from './deliveries.js';
import { SERVER } from './events.js';
import { nameOf } from './state.js';
import { openTestLog, type TestLog, testRedis } from './test-log.js';

type Score = { board?: string; player: string; score: number };

/** Two workers for one partition of each stream, the last; each has a connection of its own. */
export class Workers {
  readonly scores: PartitionKeys;
  readonly players: PartitionKeys;

  private constructor(
    readonly test: TestLog,
    readonly second: RedisClient,
  ) {
    this.scores = test.topology.at('scores', test.topology.counts.scores - 1);
    this.players = test.topology.at('players', 0);
  }

  static async open(counts = { scores: 1, players: 1 }): Promise<Workers> {
    const second = createClient(testRedis(), 'second worker');
    await second.connect();
    return new Workers(await openTestLog(counts), second);
  }

  async close(): Promise<void> {
    this.second.disconnect();
    await this.test.close();
  }

  keysOf({ stream }: { readonly stream: 'scores' | 'players' }): PartitionKeys {
    return stream === 'scores' ? this.scores : this.players;
  }

  append<T extends EventType>(type: T, data: NewEvent<T>['data']) {
    return this.test.log.append({ type, data, actor: SERVER });
  }

  /** Appends scores, and gives them to a group. */
  async submit(list: readonly Score[], group: string): Promise<RecordedEvent<'ScoreSubmitted'>[]> {
    await appendScores(this.test, list);
    return deliver(this.test, this.scores, group);
  }

  /** Appends versions of the slots of `ada`, by turns, and gives them to the group. */
  async save(versions: number, group: string, slots = ['auto']): Promise<RecordedEvent<'SaveWritten'>[]> {
    for (let version = 1; version <= versions; version++) {
      for (const slot of slots)
        await this.append('SaveWritten', { player: 'ada', slot, document: `{"${slot}":${version}}` });
    }
    return deliver(this.test, this.players, group);
  }

  /** One batch, to a worker that has just begun. */
  project<State, T extends EventType, Rules>(
    projection: Projection<State, T, Rules>,
    events: readonly RecordedEvent<T>[],
    redis = this.test.redis,
  ): Promise<Settlement> {
    const source = { keys: this.keysOf(projection), group: projection.name };
    return new Projector(redis, projection).apply(events, source);
  }

  /**
   * Both workers at once, each batch by batch. `look` happens after each batch of the first.
   *
   * @returns how many events took effect
   */
  async projectTogether<State, T extends EventType, Rules>(
    projection: Projection<State, T, Rules>,
    [first, other]: readonly [RecordedEvent<T>[][], RecordedEvent<T>[][]],
    look: () => Promise<void> = async () => {},
  ): Promise<number> {
    const source = { keys: this.keysOf(projection), group: projection.name };
    const one = new Projector(this.test.redis, projection);
    const two = new Projector(this.second, projection);
    const applied = await Promise.all([
      work(first, async batch => {
        const settlement = await one.apply(batch, source);
        await look();
        return settlement;
      }),
      work(other, batch => two.apply(batch, source)),
    ]);
    return applied[0] + applied[1];
  }
}

/** What the pure fold makes of events: the fields of every hash, by name, as they are to be kept. */
export function foldOf<State, T extends EventType, Rules>(
  projection: Projection<State, T, Rules>,
  events: readonly RecordedEvent<T>[],
  partition: PartitionKeys,
): Record<string, Record<string, string>> {
  const { targets, evolve, format } = projection;
  const partitionRules = partitionRulesOf(projection);
  const keys = stateKeys(partition, 1);
  const states = new Map<string, State>();
  const folded: Record<string, Record<string, string>> = {};
  const put = (key: string, field: string, value: string | undefined) => {
    const { [field]: _, ...others } = folded[nameOf(key)] ?? {};
    folded[nameOf(key)] = { ...others, ...(value !== undefined && { [field]: value }) };
  };
  for (const event of events) {
    const rules = partitionRules.parse(folded.rules ?? {});
    const places = targets(event, keys, rules);
    const ruling = partitionRules.changeFor(rules, event, places, keys);
    for (const target of places) {
      const { key, field } = target.address;
      const state = evolve(states.get(`${key}/${field}`), event, target, rules);
      if (state === undefined) continue;
      states.set(`${key}/${field}`, state);
      put(key, field, format(state));
    }
    for (const {
      address: { key, field },
    } of ruling?.affectedTargets ?? []) {
      const state = states.get(`${key}/${field}`);
      if (state === undefined || !ruling?.removes?.(state)) continue;
      states.delete(`${key}/${field}`);
      put(key, field, undefined);
    }
    for (const [field, value] of Object.entries(ruling?.fields ?? {})) put(keys.rules(), field, value);
  }
  return Object.fromEntries(Object.entries(folded).filter(([, fields]) => Object.keys(fields).length > 0));
}
