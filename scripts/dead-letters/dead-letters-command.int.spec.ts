import { formatEventId } from '#libs/events';
import { DeadLetters, moveToDeadLetters } from '#libs/streams-transport';
import { appendScores, deliver, openTestLog, type TestLog } from '#libs/testing';
import { parseCommand, runCommand } from './dead-letters-command.js';

const GROUP = 'ranking-projector';

describe('the dead-letters command', () => {
  let test: TestLog;
  let lines: string[];
  let complaints: string[];

  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
  });
  afterEach(() => test.close());

  const keys = () => test.topology.at('scores', 0);
  /** @returns the exit status */
  const run = (line: string, isTerminal = false) => {
    lines = [];
    complaints = [];
    const groups = { scores: [GROUP, 'scores'], players: [] };
    return runCommand(parseCommand(line.split(' ')), new DeadLetters(test.redis, test.topology, groups), {
      isTerminal,
      print: text => lines.push(text),
      printError: text => complaints.push(text),
    });
  };
  const ids = async (): Promise<string[]> => {
    await run('list');
    return lines.map(line => JSON.parse(line).id);
  };
  const fail = async (count: number, group = GROUP) => {
    await appendScores(test, Array(count).fill({ player: 'ada', score: 1 }));
    const events = await deliver(test, keys(), group);
    const error = new Error('no\nat all');
    const move = async (id: string) => {
      const [[, fields = []] = []] = await test.redis.xrange(keys().stream, id, id);
      await moveToDeadLetters(test.redis, keys(), group, { id, fields, error, deliveries: 5 });
    };
    await Promise.all(events.map(event => move(formatEventId(event.id))));
  };

  it('lists all dead letters as JSON lines when the output is not a terminal', async () => {
    await fail(120);
    expect(await run('list')).toBe(0);
    expect(lines).toHaveLength(120);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ group: GROUP, event: { type: 'ScoreSubmitted' } });
  });

  it('lists dead letters as a table at a terminal', async () => {
    await fail(2);
    await fail(0, 'scores');
    expect(await run(`list --group ${GROUP}`, true)).toBe(0);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^ID +EVENT +TYPE +AT +DELIVERIES +ERROR$/);
    const row = new RegExp(`^${GROUP}\\.s0-\\d+-\\d+ +s0-\\d+-\\d+ +ScoreSubmitted +\\S+Z +5 +Error: no$`);
    for (const line of lines.slice(1)) expect(line).toMatch(row);
    expect(new Set(lines.map(line => /ERROR$|Error: no$/.exec(line)?.index)).size).toBe(1);
  });

  it('says at a terminal that there are none, and prints nothing elsewhere', async () => {
    await run('list', true);
    expect(lines).toEqual(['no dead letters']);
    await run('list');
    expect(lines).toEqual([]);
  });

  it('retries one and prints the id of its event', async () => {
    await fail(2);
    const [id = ''] = await ids();
    expect(await run(`retry ${id}`)).toBe(0);
    const eventId = expect.stringMatching(/^s0-/);
    expect(JSON.parse(lines[0] ?? '')).toEqual({ id, eventId, status: 'retrying' });
    const [other = '', ...rest] = await ids();
    expect(rest).toEqual([]);
    await run(`retry ${other}`, true);
    expect(lines).toEqual([expect.stringMatching(`^retrying s0-.* \\(${other}\\)$`)]);
  });

  it('retries all of a group, over several pages', async () => {
    await fail(130);
    await fail(0, 'scores');
    expect(await run(`retry --all --group ${GROUP}`)).toBe(0);
    expect(lines).toHaveLength(130);
    const left = await ids();
    expect(left).toHaveLength(130);
    for (const id of left) expect(id).toMatch(/^scores\./);
  });

  it('retries what can be retried and prints errors for the rest', async () => {
    await fail(3);
    await run('list');
    const { eventId, id } = JSON.parse(lines[1] ?? '');
    await test.redis.xdel(keys().stream, eventId.slice('s0-'.length));
    expect(await run('retry --all')).toBe(1);
    expect(lines).toHaveLength(2);
    expect(complaints).toEqual([expect.stringContaining(`${eventId} is no longer in the log`)]);
    expect(await ids()).toEqual([id]);
  });

  it('drops a dead letter', async () => {
    await fail(1);
    const [id = ''] = await ids();
    expect(await run(`drop ${id}`)).toBe(0);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ id, status: 'dropped' });
    expect(await ids()).toEqual([]);
  });
});
