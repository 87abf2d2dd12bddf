import fc from 'fast-check';
import { saveWritten, shuffled } from '#libs/testing';
import { evolveSave, type SaveState } from './save.fold.js';
import { saves } from './save.store.js';
import { isNextVersion } from './versions.js';

const at = (version: number): SaveState => ({ version, updatedAt: 1_000, bytes: 2 });

describe('the fold of a save', () => {
  it('begins with version 1', () => {
    expect(isNextVersion(undefined, saveWritten(1, 5))).toBe(true);
    expect(isNextVersion(undefined, saveWritten(2, 5))).toBe(false);
    expect(evolveSave(undefined, saveWritten(1, 5, '{"hp":1}'))).toEqual({
      version: 1,
      updatedAt: 5,
      bytes: 8,
    });
  });

  it('lets the next version through, and none behind it', () => {
    expect(isNextVersion(at(3), saveWritten(4, 5))).toBe(true);
    expect(isNextVersion(at(3), saveWritten(5, 5))).toBe(false);
    expect(isNextVersion(at(9), saveWritten(10, 5))).toBe(true);
    expect(isNextVersion(at(9), saveWritten(100, 5))).toBe(false);
  });

  it('lets a seen version through, to be acknowledged, and changes nothing for it', () => {
    const save = at(3);
    for (const version of [1, 2, 3]) {
      expect(isNextVersion(save, saveWritten(version, 9))).toBe(true);
      expect(evolveSave(save, saveWritten(version, 9, '{"other":true}'))).toBe(save);
    }
  });

  it('takes time and length from the new version, whose clock may be behind', () => {
    expect(evolveSave(at(3), saveWritten(4, 7, '{"a":"\u{1F600}"}'))).toEqual({
      version: 4,
      updatedAt: 7,
      bytes: 12,
    });
  });

  it('refuses an event without a version', () => {
    const { version: _, ...event } = saveWritten(1, 5);
    expect(() => isNextVersion(undefined, event)).toThrow(TypeError);
    expect(() => evolveSave(undefined, event)).toThrow(TypeError);
  });

  it('comes to the same state whatever the order of delivery, when those that are early come again', () => {
    const deliveries = fc
      .integer({ min: 1, max: 12 })
      .chain(n => shuffled(Array.from({ length: n }, (_, i) => saveWritten(i + 1, 100 - i, '1'.repeat(i)))));
    fc.assert(
      fc.property(deliveries, events => {
        let state: SaveState | undefined;
        const taken: (number | undefined)[] = [];
        for (let open = events; open.length > 0; ) {
          const early = open.filter(event => {
            if (!isNextVersion(state, event)) return true;
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

  it('is kept as text that begins with the version and reads back as it was', () => {
    fc.assert(
      fc.property(fc.record({ version: fc.nat(), updatedAt: fc.maxSafeNat(), bytes: fc.nat() }), state => {
        expect(saves.format(state).split(' ')[0]).toBe(String(state.version));
        expect(saves.parse(saves.format(state))).toEqual(state);
      }),
    );
  });
});
