import { jest } from '@jest/globals';
import fc from 'fast-check';
import { formatEventId, type RecordedEvent } from '#libs/events';
import { saves } from '#libs/maintenance';
import { cut, NO_STATE, pendingOf, shuffled, stateOf, Workers } from '#libs/testing';
import { SaveReader } from './save.reader.js';

jest.setTimeout(30_000);

type SaveEvent = RecordedEvent<'SaveWritten'>;

describe('the save projector', () => {
  let workers: Workers;
  beforeEach(async () => {
    workers = await Workers.open();
  });
  afterEach(() => workers.close());

  const find = (slot = 'auto') => new SaveReader(workers.test.redis, workers.test.topology).find('ada', slot);
  const pending = () => pendingOf(workers.test, workers.players, saves.name);
  /** Acknowledges an event without effect, as for a dead letter. */
  const bury = ({ id }: SaveEvent) =>
    workers.test.redis.xack(workers.players.stream, saves.name, formatEventId(id));
  const three = async () => (await workers.save(3, saves.name)) as [SaveEvent, SaveEvent, SaveEvent];

  it('leaves a save pending until the versions before it are applied', async () => {
    const [first, second, third] = await three();
    const deferred = [second.id, third.id];
    expect(await workers.project(saves, [third, second])).toEqual({ applied: 0, duplicates: 0, deferred });
    expect(await stateOf(workers.test, workers.players)).toEqual(NO_STATE);
    expect(await pending()).toBe(3);
    expect(await workers.project(saves, [third, second, first])).toMatchObject({
      applied: 2,
      deferred: [third.id],
    });
    expect(await workers.project(saves, [third])).toMatchObject({ applied: 1, deferred: [] });
    expect(await pending()).toBe(0);
  });

  it('continues after a dead letter, in version order', async () => {
    const [first, second, third] = await three();
    await bury(first);
    expect(await workers.project(saves, [second, third])).toMatchObject({ applied: 1, deferred: [third.id] });
    expect(await find()).toMatchObject({ version: 2, document: '{"auto":2}' });
    expect(await workers.project(saves, [third])).toMatchObject({ applied: 1, deferred: [] });
    expect(await find()).toMatchObject({ version: 3, document: '{"auto":3}' });
    expect(await pending()).toBe(0);
  });

  it('continues after a dead letter between two versions', async () => {
    const [first, second, third] = await three();
    expect(await workers.project(saves, [first])).toMatchObject({ applied: 1 });
    await bury(second);
    expect(await workers.project(saves, [third])).toMatchObject({ applied: 1, deferred: [] });
    expect(await find()).toMatchObject({ version: 3 });
  });

  it('waits at a gap while any older event is pending, also of another slot', async () => {
    const [other, first, second] = (await workers.save(1, saves.name, ['other'])).concat(
      await workers.save(2, saves.name),
    ) as [SaveEvent, SaveEvent, SaveEvent];
    await bury(first);
    expect(await workers.project(saves, [second])).toMatchObject({ applied: 0, deferred: [second.id] });
    expect(await find()).toBeUndefined();
    await workers.project(saves, [other]);
    expect(await workers.project(saves, [second])).toMatchObject({ applied: 1, deferred: [] });
    expect(await find()).toMatchObject({ version: 2 });
  });

  it('ignores a retried dead letter if a later version is stored', async () => {
    const [first, second] = await three();
    await bury(first);
    await workers.project(saves, [second]);
    const state = await stateOf(workers.test, workers.players);
    expect(await workers.project(saves, [first])).toEqual({ applied: 0, duplicates: 1, deferred: [] });
    expect(await stateOf(workers.test, workers.players)).toEqual(state);
  });

  it(
    'lets saves take effect in the order of their versions, whatever the order of delivery to two workers',
    () =>
      fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 10 }), fc.gen(), async (versions, any) => {
          const slots = [0, 1].map(() => `slot-${any(fc.uuid)}`);
          const events = await workers.save(versions, saves.name, slots);
          const seen = new Map<string, number[]>();
          const look = async () => {
            for (const slot of slots) {
              const found = await find(slot);
              if (!found) continue;
              expect(found.document).toBe(`{"${slot}":${found.version}}`);
              seen.set(slot, [...(seen.get(slot) ?? []), found.version]);
            }
          };
          const share = () => any(cut, any(shuffled, events));
          expect(await workers.projectTogether(saves, [share(), share()], look)).toBe(events.length);
          for (const slot of slots) {
            const versionsSeen = seen.get(slot) ?? [];
            expect(versionsSeen).toEqual(versionsSeen.toSorted((a, b) => a - b));
            expect(versionsSeen.at(-1)).toBe(versions);
          }
          expect(await pending()).toBe(0);
        }),
        { numRuns: 30 },
      ),
    120_000,
  );
});
