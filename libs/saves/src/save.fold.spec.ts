import fc from 'fast-check';

import { PartitionKeys } from '#libs/event-log';
import { isInVersionOrder, type JsonObject } from '#libs/events';

import { saves } from '#libs/maintenance';
import { stateKeys } from '#libs/projections';
import { saveDeleted, saveWritten, shuffled } from '#libs/testing';
import { evolveSave, type SaveState } from './save.fold.js';

const at = (version: number): SaveState => ({ version, updatedAt: 1_000, bytes: 2 });

describe('the save fold', () => {
  it('starts with version 1', () => {
    expect(isInVersionOrder(undefined, saveWritten(1, 5))).toBe(true);
    expect(isInVersionOrder(undefined, saveWritten(2, 5))).toBe(false);
    expect(evolveSave(undefined, saveWritten(1, 5, '{"hp":1}'))).toEqual({
      version: 1,
      updatedAt: 5,
      bytes: 8,
    });
  });

  it('accepts the next version, and none after it', () => {
    expect(isInVersionOrder(at(3), saveWritten(4, 5))).toBe(true);
    expect(isInVersionOrder(at(3), saveWritten(5, 5))).toBe(false);
    expect(isInVersionOrder(at(9), saveWritten(10, 5))).toBe(true);
    expect(isInVersionOrder(at(9), saveWritten(100, 5))).toBe(false);
  });

  it('accepts a version that it has seen, and changes nothing', () => {
    const save = at(3);
    for (const version of [1, 2, 3]) {
      expect(isInVersionOrder(save, saveWritten(version, 9))).toBe(true);
      expect(evolveSave(save, saveWritten(version, 9, '{"other":true}'))).toBe(save);
    }
  });

  it('takes time and length from the new version, even if its clock was behind', () => {
    expect(evolveSave(at(3), saveWritten(4, 7, '{"a":"\u{1F600}"}'))).toEqual({
      version: 4,
      updatedAt: 7,
      bytes: 12,
    });
  });

  it('counts a deletion as a version without a document', () => {
    const deleted = evolveSave(at(3), saveDeleted(4, 7));
    expect(deleted).toEqual({ version: 4, updatedAt: 7, bytes: undefined });
    expect(evolveSave(deleted, saveWritten(3, 9))).toBe(deleted);
    expect(evolveSave(deleted, saveWritten(5, 9))).toEqual({ version: 5, updatedAt: 9, bytes: 2 });
    expect(saves.parse(saves.format(deleted))).toEqual(deleted);
  });

  it('stores the place of each version in the log', () => {
    const keys = stateKeys(new PartitionKeys('test', 'players', 0), 1);
    for (const event of [saveWritten(250, 7, '{"a":1}'), saveDeleted(251, 8)]) {
      const [, past] = saves.targets(event, keys, undefined);
      if (!past) throw new Error('there is no second state');
      expect(past).toEqual({
        address: { key: 'test:{p0}:history@1:ada/auto/2', field: String(event.version) },
        version: event.version,
      });
      expect(saves.isNext?.(undefined, event, past)).toBe(true);
      const state = saves.evolve(undefined, event, past, undefined);
      expect(state).toEqual({
        ...{ id: event.id, actor: 'server', bytes: event.type === 'SaveWritten' ? 7 : undefined },
      });
      expect(state && saves.parse(saves.format(state))).toEqual(state);
      expect(saves.evolve(state, event, past, undefined)).toBe(state);
    }
  });

  it('rejects an event without a version', () => {
    const { version: _, ...event } = saveWritten(1, 5);
    expect(() => isInVersionOrder(undefined, event)).toThrow(TypeError);
    expect(() => evolveSave(undefined, event)).toThrow(TypeError);
  });

  it('gives the same state whatever the order of delivery, if early versions are delivered again', () => {
    const deliveries = fc
      .integer({ min: 1, max: 12 })
      .chain(n => shuffled(Array.from({ length: n }, (_, i) => saveWritten(i + 1, 100 - i, '1'.repeat(i)))));
    fc.assert(
      fc.property(deliveries, events => {
        let state: SaveState | undefined;
        const taken: (number | undefined)[] = [];
        for (let open = events; open.length > 0; ) {
          const early = open.filter(event => {
            if (!isInVersionOrder(state, event)) return true;
            state = evolveSave(state, event);
            taken.push(event.version);
            return false;
          });
          expect(early.length).toBeLessThan(open.length);
          open = early;
        }
        expect(taken).toEqual(events.map((_, i) => i + 1));
        const last = events.length;
        expect(state).toEqual({ version: last, updatedAt: 101 - last, bytes: last - 1 });
      }),
    );
  });

  it('is stored as text that begins with the version, and parses back to the same', () => {
    fc.assert(
      fc.property(
        fc.record(
          { version: fc.nat(), updatedAt: fc.maxSafeNat(), bytes: fc.nat(), name: fc.string() },
          { requiredKeys: ['version', 'updatedAt', 'bytes'] },
        ),
        state => {
          expect(saves.format(state).split(' ')[0]).toBe(String(state.version));
          expect(saves.parse(saves.format(state))).toEqual(state);
        },
      ),
    );
  });
});

describe('the meta of a save', () => {
  const written = (version: number, meta?: JsonObject) => {
    const event = saveWritten(version, 5);
    return { ...event, data: { ...event.data, ...(meta && { meta }) } };
  };

  it('is that of the latest version', () => {
    const save = evolveSave(undefined, written(1, { title: 'One' }));
    expect(save.meta).toEqual({ title: 'One' });
    expect(evolveSave(save, written(2, { title: 'Two' })).meta).toEqual({ title: 'Two' });
    expect(evolveSave(save, written(2))).not.toHaveProperty('meta');
    expect(evolveSave(save, saveDeleted(2, 5))).not.toHaveProperty('meta');
  });

  it('survives being stored, beside a name, and is told from other states', () => {
    for (const meta of [undefined, {}, { a: ' "}\\ ', b: [1, { c: null }] }])
      for (const name of [undefined, '', 'm "x" }']) {
        const save = { ...at(3), ...(meta && { meta }), ...(name !== undefined && { name }) };
        const text = saves.format(save);
        expect(text).not.toMatch(/}$/);
        expect(saves.parse(text)).toEqual(save);
      }
  });
});
