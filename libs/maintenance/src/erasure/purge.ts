import { deadLettersKey, mentionsAny, type PartitionKeys, PartitionLog } from '#libs/event-log';
import { type EventId, formatEventId, parseEventId, type RecordedEvent, unpackEvent } from '#libs/events';
import { boardOf, LeaderboardRules, leaderboards } from '#libs/leaderboards';
import { type StateKeys, stateKeys } from '#libs/projections';
import { type RedisClient, readWholeHash } from '#libs/redis';
import { buildKey } from '../keys.js';
import { script } from '../lua.js';
import { isAfter } from '../verify/probes.js';

/** Maximum events or keys deleted in one call. Redis does nothing else while it runs. */
const MAX_CALL_EVENTS = 100;

/** Up to this many players, entries are searched as text. With more, decoding them costs the same. */
const MAX_PLAYERS_IN_TEXT_SEARCH = 10;

const eraseEvents = script<number[]>('erase-events');

/** What is deleted together with events. */
interface Goods {
  /** Boards that must be rebuilt without the events. */
  readonly boards?: readonly string[];
  /** Fields of hashes. */
  readonly fields?: readonly (readonly [key: string, field: string])[];
  readonly keys?: readonly string[];
}

export interface PurgeOptions {
  readonly epoch: number;
  /** The players, each with the event that erases the player here. That event is deleted last. */
  readonly players: ReadonlyMap<string, string>;
  /** The consumer groups of the partition. */
  readonly groups: readonly string[];
  /** Called after each page; throws to stop. */
  readonly onPage: () => Promise<void>;
}

/** Deletes players' events from one partition of the log. It can be stopped at any point and started again. */
export class Purge {
  private leftEmpty: ((event: RecordedEvent<'ScoreSubmitted'>) => Promise<string[]>) | undefined;

  constructor(
    private readonly redis: RedisClient,
    private readonly keys: PartitionKeys,
    private readonly options: PurgeOptions,
  ) {}

  /**
   * @returns the groups whose unfinished build was discarded, because it contained the events
   * @throws EraserReplacedError
   */
  async run(): Promise<string[]> {
    const { players, groups, onPage } = this.options;
    const last = [...players.values()].map(parseEventId).reduce(later);
    for await (const page of new PartitionLog(this.redis, this.keys).pages('0-0', formatEventId(last))) {
      const found = page.flatMap(([id, fields]) => this.decode(id, fields) ?? []);
      for (let at = 0; at < found.length; at += MAX_CALL_EVENTS)
        await this.delete(found.slice(at, at + MAX_CALL_EVENTS));
      await onPage();
    }
    const builds = groups.map(group => buildKey(this.keys, group));
    const dropped = new Set<string>();
    const all = [...players];
    for (let at = 0; at < all.length; at += MAX_CALL_EVENTS) {
      const some = all.slice(at, at + MAX_CALL_EVENTS);
      const heads = some.map(([player]) => this.keys.versions(player));
      const keys = this.keys.streamName === 'players' ? [...builds, ...heads] : builds;
      const events = some.map(([, event]) => event);
      const wereThere = await this.erase(events, { keys });
      for (const [i, group] of groups.entries()) if (wereThere[i] === 1) dropped.add(group);
      await onPage();
    }
    return [...dropped];
  }

  /** An entry that cannot be decoded has no effect, and its player is unknown, so it stays. */
  private decode(id: string, fields: readonly string[]): RecordedEvent | undefined {
    const { players } = this.options;
    if (players.size <= MAX_PLAYERS_IN_TEXT_SEARCH && mentionsAny(fields, players.keys()) === 'no')
      return undefined;
    try {
      const event = unpackEvent(id, fields);
      const isTheirs = 'player' in event.data && players.has(event.data.player);
      return isTheirs && players.get(event.data.player) !== id ? event : undefined;
    } catch {
      return undefined;
    }
  }

  private async delete(events: readonly RecordedEvent[]): Promise<void> {
    const scores = events.filter(event => event.type === 'ScoreSubmitted');
    const revocations = events.filter(event => event.type === 'EntryRevoked');
    const boards = await Promise.all(scores.map(score => this.boardsLeftEmpty(score)));
    await this.erase(
      events.map(({ id }) => formatEventId(id)),
      {
        boards: [...new Set(boards.flat())],
        fields: revocations.map(({ data }) => [this.keys.versions(data.board), data.player] as const),
        keys: [...new Set(scores.map(({ data }) => this.keys.interval(data.board, data.player)))],
      },
    );
  }

  /**
   * Boards where nobody else has an entry in the score's period: perhaps nobody else ever scored in it, and without
   * the score it was never opened. That another one was closed by it, only the log can tell.
   */
  private async boardsLeftEmpty(score: RecordedEvent<'ScoreSubmitted'>): Promise<string[]> {
    this.leftEmpty ??= await this.readRules();
    return this.leftEmpty(score);
  }

  private async readRules() {
    const live = await this.redis.hget(this.keys.live(leaderboards.name), 'generation');
    const state: StateKeys = stateKeys(this.keys, Number(live ?? 1));
    const rules = new LeaderboardRules(await readWholeHash(this.redis, state.rules()));
    const sizes = new Map<string, Promise<number>>();
    return async (score: RecordedEvent<'ScoreSubmitted'>): Promise<string[]> => {
      const open = rules
        .targets(score, state)
        .filter(target => rules.hasPeriod(boardOf(target), target.period));
      const empty = await Promise.all(
        open.map(async target => {
          const { key } = target.address;
          const size = sizes.get(key) ?? this.redis.hlen(key);
          sizes.set(key, size);
          return (await size) === 0 ? [boardOf(target)] : [];
        }),
      );
      return empty.flat();
    };
  }

  private erase(ids: readonly string[], { boards = [], fields = [], keys = [] }: Goods): Promise<number[]> {
    const { epoch, groups } = this.options;
    const all: string[] = [this.keys.stream, this.keys.erasures()];
    const number = (key: string) => all.push(key);
    const ofGroups = groups.map(group => [
      number(this.keys.skipped(group)),
      number(deadLettersKey(this.keys, group)),
    ]);
    const ofFields = fields.map(([key, field]) => [number(key), field]);
    const ofKeys = keys.map(number);
    const lists = [ids, ofGroups, boards, ofFields, ofKeys];
    return eraseEvents.run(this.redis, all, [epoch, ...lists.map(list => JSON.stringify(list))]);
  }
}

const later = (a: EventId, b: EventId) => (isAfter(b, a) ? b : a);
