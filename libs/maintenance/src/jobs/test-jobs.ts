import { DEFAULT_DEFINITION, type NewEvent } from '#libs/events';
import { openTestLog, projectAll, QUIET, SERVER, stateOf, type TestLog } from '#libs/testing';
import { type AnyProjection } from '../projections/projections.js';
import { JobRunner } from './job-runner.js';
import { type Job, type JobOrder, Jobs } from './jobs.js';

/** For each test, a log with jobs. */
export function useJobs() {
  let test: TestLog;
  let jobs: Jobs;

  beforeEach(async () => {
    test = await openTestLog();
    jobs = new Jobs(test.redis, test.topology);
  });
  afterEach(() => test.close());

  const append = (type: NewEvent['type'], data: NewEvent['data']) =>
    test.log.append({ type, data, actor: SERVER } as NewEvent);

  const score = (player: string, value: number, board = 'arena') =>
    append('ScoreSubmitted', { board, player, score: value });

  const project = () => projectAll(test);

  const run = async (projection: AnyProjection, order: JobOrder): Promise<Job> => {
    const job = await jobs.start(projection, order);
    expect(await new JobRunner(test.redis, test.topology, projection, QUIET).run(job)).toBe(true);
    return (await jobs.find(job.id)) as Job;
  };

  const rebuild = (projection: AnyProjection, order: Partial<JobOrder> = {}) =>
    run(projection, { kind: 'rebuild', ...order });

  const verify = async (projection: AnyProjection, board?: string) => {
    const { state, error, result } = await run(projection, { kind: 'verify', ...(board && { board }) });
    expect({ state, error }).toEqual({ state: 'done', error: undefined });
    return result?.examples ?? [];
  };

  /** All projected state of the scores' and the players' partitions, without the numbers of generations. */
  const everything = async () => {
    const parts = await Promise.all(
      [...test.topology.all('scores'), ...test.topology.all('players')].map(keys => stateOf(test, keys)),
    );
    for (const { hashes } of parts)
      for (const key of Object.keys(hashes)) if (key.includes(':live:')) delete hashes[key];
    return JSON.parse(JSON.stringify(parts).replaceAll(/@\d+/g, '@'));
  };

  const history = async () => {
    await append('BoardDefined', {
      board: 'total',
      definition: { ...DEFAULT_DEFINITION, order: 'desc', operator: 'sum' },
    });
    await append('BoardDefined', {
      board: 'golf',
      definition: { ...DEFAULT_DEFINITION, order: 'asc', operator: 'latest' },
    });
    for (let i = 0; i < 40; i++) {
      for (const board of ['arena', 'total', 'golf']) await score(`p${i % 7}`, ((i * 37) % 11) / 10, board);
      if (i % 9 === 0) await append('EntryRevoked', { board: 'total', player: `p${i % 7}` });
      if (i === 20) await append('PlayerBanned', { player: 'p3' });
      if (i === 30) await append('PlayerUnbanned', { player: 'p3' });
      if (i === 35) await append('PlayerBanned', { player: 'p4' });
      await append('SaveWritten', { player: `p${i % 7}`, slot: 'auto', document: `{"turn":${i}}` });
      if (i % 5 === 4) await append('SaveDeleted', { player: `p${i % 7}`, slot: 'auto' });
    }
  };

  return {
    get test() {
      return test;
    },
    get jobs() {
      return jobs;
    },
    append,
    score,
    project,
    run,
    rebuild,
    verify,
    everything,
    history,
  };
}
