import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { VersionConflictError } from '#libs/event-log';
import { eventually, openTestLog, SERVER, type TestLog } from '#libs/testing';
import { StreamsClient } from './streams-client.js';

describe('the streams client', () => {
  let test: TestLog;
  let client: StreamsClient;

  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
    client = new StreamsClient(test.log);
  });
  afterEach(() => test.close());

  const scores = () => test.redis.xrange(test.topology.at('scores', 0).stream, '-', '+');
  const submit = (score: number, idempotencyKey = `key-${score}`) =>
    client.append('ScoreSubmitted', { board: 'b', player: 'ada', score }, { actor: SERVER, idempotencyKey });
  const write = (expectedVersion?: number) =>
    client.append(
      'SaveWritten',
      { player: 'ada', slot: 'auto', document: '{}' },
      { actor: SERVER, ...(expectedVersion !== undefined && { expectedVersion }) },
    );

  it('emits where the event stands, once, and completes', async () => {
    expect(await lastValueFrom(submit(5).pipe(toArray()))).toEqual([
      {
        ref: { stream: 'scores', partition: 0, id: expect.objectContaining({ ms: expect.any(Number) }) },
        replayed: false,
      },
    ]);
    expect(await scores()).toHaveLength(1);
  });

  it('appends all that it was given', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const data = { board: 'b', player: 'ada', score: 7 };
    await lastValueFrom(client.append('ScoreSubmitted', data, { actor: SERVER, trace, idempotencyKey: 'k' }));
    const [entry] = await scores();
    expect(entry?.[1]).toEqual(['e', 's2 stest b ada 7', 'm', JSON.stringify({ trace, key: 'k' })]);
  });

  it('appends once, however many subscribe', async () => {
    const appended$ = write();
    const [first, second] = await Promise.all([firstValueFrom(appended$), lastValueFrom(appended$)]);
    expect(second).toEqual(first);
    // Had each of them appended, the next version would be the third.
    expect(await lastValueFrom(write())).toMatchObject({ version: 2 });
  });

  it('appends when nobody subscribes', async () => {
    submit(5);
    await eventually(async () => expect(await scores()).toHaveLength(1));
  });

  it('answers a repeated idempotency key with the first event', async () => {
    const first = await lastValueFrom(submit(5, 'again'));
    expect(await lastValueFrom(submit(5, 'again'))).toEqual({ ...first, replayed: true });
    expect(await scores()).toHaveLength(1);
  });

  it('emits a version conflict as an error, with the head', async () => {
    expect(await lastValueFrom(write(0))).toMatchObject({ version: 1 });
    const conflict = lastValueFrom(write(0));
    await expect(conflict).rejects.toThrow(VersionConflictError);
    await expect(conflict).rejects.toMatchObject({ head: 1 });
  });

  it('refuses to send: an event has no answer', async () => {
    await expect(lastValueFrom(client.send('ScoreSubmitted', {}))).rejects.toThrow(/use append/);
    expect(await scores()).toHaveLength(0);
  });
});
