import fc from 'fast-check';
import type { EventId, RecordedEvent } from '#libs/events';
import { leaderboards, levelsKey, ranksKey, runsKey } from '#libs/leaderboards';
import { runs, Workers } from '#libs/testing';
import { commitChanges, type EventChange } from './change-set.js';
import { LoadedStates } from './loaded-states.js';
import { partitionRulesOf } from './partition-rules-of.js';
import type { Effect } from './state-changes.js';
import { stateKeys } from './state-keys.js';
import { readView } from './view.js';

/** How one event changes the keys of a board. */
interface Step {
  readonly kind: 'place' | 'remove' | 'write' | 'set' | 'forget' | 'drop';
  /** A member of the sorted set, or a field of the hash. */
  readonly name: string;
  readonly score: number;
  /** Whether another worker has acknowledged the event, so that it changes nothing. */
  readonly isTaken: boolean;
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('place', 'place', 'place', 'remove', 'write', 'write', 'set', 'forget', 'drop'),
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    score: fc.integer({ min: -2, max: 2 }),
    isTaken: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
);

/** A board that makes each step by itself, for comparison. */
class NaiveBoard {
  readonly ranks = new Map<string, number>();
  readonly runs = new Map<string, string>();

  get levels(): number[] {
    return [...new Set(this.ranks.values())].sort((a, b) => a - b);
  }

  take({ kind, name, score }: Step, value: string): void {
    if (kind === 'place') this.ranks.set(name, score);
    else if (kind === 'remove') this.ranks.delete(name);
    else if (kind === 'write' || kind === 'set') this.runs.set(name, value);
    else if (kind === 'forget') this.runs.delete(name);
    else for (const kept of [this.ranks, this.runs]) kept.clear();
  }
}

describe('a commit of many changes', () => {
  let workers: Workers;
  beforeEach(async () => {
    workers = await Workers.open();
  });
  afterEach(() => workers.close());

  const group = leaderboards.name;
  const source = () => ({ keys: workers.scores, group });
  const keysOf = () => {
    const state = stateKeys(workers.scores, 1);
    return {
      ranks: ranksKey(state, 'board'),
      levels: levelsKey(state, 'board'),
      runs: runsKey(state, 'board'),
    };
  };

  function effectsOf({ kind, name, score }: Step, board: NaiveBoard, value: string): Effect[] {
    const { ranks, levels, runs } = keysOf();
    const set = { type: 'zset', key: ranks } as const;
    const level = (of: number | undefined): Effect[] =>
      of === undefined
        ? []
        : [{ command: 'LEVEL', type: 'zset', key: levels, args: [{ key: ranks, type: 'zset' }, `${of}`] }];
    const before = level(board.ranks.get(name));
    const drop = (key: string): Effect => ({ command: 'UNLINK', type: 'zset', key, args: [] });
    switch (kind) {
      case 'place':
        return [{ ...set, command: 'ZADD', args: [`${score}`, name] }, ...before, ...level(score)];
      case 'remove':
        return [{ ...set, command: 'ZREM', args: [name] }, ...before];
      case 'set':
        return [{ command: 'HSET', type: 'hash', key: runs, args: [name, value] }];
      case 'forget':
        return [{ command: 'HDEL', type: 'hash', key: runs, args: [name] }];
      case 'drop':
        return [drop(ranks), drop(levels), { ...drop(runs), type: 'hash' }];
      default:
        return [];
    }
  }

  async function commit(events: readonly { id: EventId }[], list: readonly Step[], board: NaiveBoard) {
    const { redis } = workers.test;
    const states = new LoadedStates<string>();
    const fields = new Map(
      ['a', 'b', 'c', 'd'].map(field => [field, states.at({ key: keysOf().runs, field })]),
    );
    await states.read(redis, workers.scores.live(group), text => text);
    const changes = list.map((step, i): EventChange => {
      const held = fields.get(step.name);
      const writes = step.kind === 'write' && held ? [{ state: held, value: `${i} value` }] : [];
      const change = { states: [], writes, effects: effectsOf(step, board, `${i} value`) };
      if (!step.isTaken) board.take(step, `${i} value`);
      return { id: (events[i] as RecordedEvent).id, ...change };
    });
    const view = await readView(redis, source(), partitionRulesOf(leaderboards).parse);
    return commitChanges(redis, source(), view, states, changes);
  }

  async function kept() {
    const { redis } = workers.test;
    const { ranks, levels, runs } = keysOf();
    return {
      ranks: await redis.zrange(ranks, 0, '-1', 'WITHSCORES'),
      levels: (await redis.zrange(levels, 0, '-1')).map(Number),
      runs: await redis.hgetall(runs),
    };
  }

  it('has the same result as commits of one change each, and skips changes that another worker has made', async () => {
    const board = new NaiveBoard();
    await fc.assert(
      fc.asyncProperty(steps, async list => {
        const { test, scores } = workers;
        const events = await workers.submit(
          list.map(() => ({ player: 'ada', score: 1 })),
          group,
        );
        for (const [i, { id }] of events.entries())
          if (list[i]?.isTaken) await test.redis.xack(scores.stream, group, `${id.ms}-${id.seq}`);
        const outcomes = await commit(events, list, board);
        expect(outcomes).toEqual(list.map(({ isTaken }) => (isTaken ? 'duplicate' : 'applied')));
        const ranks = [...board.ranks].sort(([x, a], [y, b]) => a - b || (x < y ? -1 : 1));
        expect(await kept()).toEqual({
          ranks: ranks.flatMap(([name, score]) => [name, `${score}`]),
          levels: board.levels,
          runs: Object.fromEntries(board.runs),
        });
      }),
      { numRuns: runs(60), endOnFailure: true },
    );
  });

  it('accepts more changes of one key than one command can take', async () => {
    const count = 9_000;
    const events = await workers.submit([{ player: 'ada', score: 1 }], group);
    const { ranks, levels, runs } = keysOf();
    const { redis } = workers.test;
    const states = new LoadedStates<string>();
    const all = Array.from({ length: count }, (_, i) => states.at({ key: runs, field: `${i}` }));
    await states.read(redis, workers.scores.live(group), text => text);
    const effects = all.flatMap((_, i): Effect[] => [
      { command: 'ZADD', type: 'zset', key: ranks, args: [`${i}`, `${i}`] },
      { command: 'LEVEL', type: 'zset', key: levels, args: [{ key: ranks, type: 'zset' }, `${i}`] },
    ]);
    const writes = all.map((held, i) => ({ state: held, value: `${i}` }));
    const view = await readView(redis, source(), partitionRulesOf(leaderboards).parse);
    const change = { id: (events[0] as RecordedEvent).id, states: [], writes, effects };
    expect(await commitChanges(redis, source(), view, states, [change])).toEqual(['applied']);
    const sizes = [redis.zcard(ranks), redis.zcard(levels), redis.hlen(runs)];
    expect(await Promise.all(sizes)).toEqual([count, count, count]);
  });
});
