import { jest } from '@jest/globals';
import type { PartitionKeys } from '#libs/event-log';
import { openTestLog, scriptNamed, type TestLog } from '#libs/testing';
import { StaleGenerationError } from './errors.js';
import { LiveState } from './live-state.js';
import { stateKeys } from './state-keys.js';

const GROUP = 'group';
const readHash = scriptNamed<[next: string, fields: string[]]>('read-hash');

describe('LiveState', () => {
  let test: TestLog;
  let keys: PartitionKeys;
  let live: LiveState;
  beforeEach(async () => {
    test = await openTestLog();
    keys = test.topology.at('scores', 0);
    live = new LiveState(test.redis, GROUP);
    for (const generation of [1, 2, 3])
      await test.redis.hset(stateKeys(keys, generation).rules(), 'generation', generation);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await test.close();
  });

  const read = async (from = keys) => (await live.read(readHash, from, state => [state.rules()], [0]))[1];
  const change = (generation: number | string, of = keys) =>
    test.redis.hset(of.live(GROUP), 'generation', generation);

  it('reads the first generation if there was no rebuild', async () => {
    expect(await read()).toEqual(['generation', '1']);
  });

  it('follows each switch of generations, also back to an older one', async () => {
    for (const generation of [2, 3, 1, 2]) {
      await change(generation);
      expect(await read()).toEqual(['generation', String(generation)]);
    }
  });

  it('caches the number of the live generation', async () => {
    await change(3);
    await read();
    const calls = jest.spyOn(test.redis, 'evalsha');
    await read();
    expect(calls).toHaveBeenCalledTimes(1);
  });

  it('reads the live generation of each partition', async () => {
    const other = test.topology.at('scores', 1);
    await test.redis.hset(stateKeys(other, 1).rules(), 'generation', 'other');
    await change(2);
    expect(await read()).toEqual(['generation', '2']);
    expect(await read(other)).toEqual(['generation', 'other']);
    expect(await read()).toEqual(['generation', '2']);
  });

  it('never reads keys of a generation that is no longer live', async () => {
    await read();
    await change(2);
    await test.redis.del(stateKeys(keys, 1).rules());
    expect(await read()).toEqual(['generation', '2']);
  });

  it.each(['02', 'x', ''])('gives up on "%s", which is no generation, and recovers', async generation => {
    await change(generation);
    await expect(read()).rejects.toThrow(StaleGenerationError);
    await change(3);
    expect(await read()).toEqual(['generation', '3']);
  });

  it('fails if every attempt meets another switch', async () => {
    let generation = 1;
    const script = Object.create(readHash) as typeof readHash;
    const runs = jest.spyOn(script, 'run').mockImplementation(async (redis, all, args) => {
      await change(++generation);
      return readHash.run(redis, all, args);
    });
    await expect(live.read(script, keys, state => [state.rules()], [])).rejects.toThrow(StaleGenerationError);
    expect(runs.mock.calls.length).toBeLessThan(10);
  });
});
