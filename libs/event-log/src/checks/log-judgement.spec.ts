import { type Extent, extentOf, type LogFacts, lossIn, NOTHING } from './log-judgement.js';

const facts = (
  stream?: Partial<NonNullable<LogFacts['stream']>>,
  more: Partial<LogFacts> = {},
): LogFacts => ({
  now: 0,
  ...(stream && { stream: { length: 6, added: 6, last: '6-0', first: '1-0', deleted: '0-0', ...stream } }),
  erased: 0,
  trimmed: 0,
  defined: false,
  applied: false,
  ...more,
});
const known = (stream: Partial<NonNullable<LogFacts['stream']>> = {}, erased = 0): Extent =>
  extentOf(facts(stream, { erased }), 0);

describe('a complete log', () => {
  it.each<[string, LogFacts, Extent | undefined]>([
    ['is there for the first time', facts({}), undefined],
    ['is empty, and always was', facts(), undefined],
    ['is as it was', facts({}), known()],
    ['has grown', facts({ length: 9, added: 9, last: '9-0' }), known()],
    ['lacks erased events', facts({ length: 4, deleted: '5-0' }, { erased: 2 }), known()],
    [
      'lacks its first events, erased',
      facts({ length: 4, first: '3-0', deleted: '2-0' }, { erased: 2 }),
      known(),
    ],
    ['lacks all events, erased', facts({ length: 0, first: '0-0', deleted: '6-0' }, { erased: 6 }), known()],
    ['lost its key when all of it was erased', facts(undefined, { erased: 6 }), known({ length: 0 }, 6)],
    [
      'lacks an erased event that a process remembers',
      facts({ length: 5, deleted: '6-0' }, { erased: 1, missing: ['6-0'] }),
      known(),
    ],
  ])('%s', (_what, now, before) => {
    expect(lossIn(now, NOTHING, before)).toBeUndefined();
  });

  it('lacks what an archiver trimmed', () => {
    const trimmed = facts({ length: 2, first: '5-0' }, { trimmed: 4, floor: '4-0', missing: ['3-0', '4-0'] });
    expect(lossIn(trimmed, NOTHING, known())).toBeUndefined();
  });

  it('lacks what was noted as gone', () => {
    expect(
      lossIn(facts({ length: 2, first: '5-0' }), { ...NOTHING, gone: 4 }, known({ length: 2, first: '5-0' })),
    ).toBeUndefined();
  });
});

describe('a log that has lost events', () => {
  it.each<[string, number, LogFacts, Extent | undefined]>([
    ['was deleted', 6, facts(), known()],
    ['was deleted before it was ever looked at', 1, facts(undefined, { applied: true }), undefined],
    ['was deleted, and had definitions of boards', 1, facts(undefined, { defined: true }), undefined],
    ['was deleted, and began anew', 6, facts({ length: 1, added: 1, first: '7-0', last: '7-0' }), known()],
    [
      'was deleted, and has more events than before',
      6,
      facts({ length: 9, added: 9, first: '7-0', last: '15-0' }),
      known(),
    ],
    [
      'was deleted after erasures, and a new one began',
      4,
      facts({ length: 1, added: 1, first: '7-0', last: '7-0' }, { erased: 2 }),
      known({ length: 4 }, 2),
    ],
    ['was trimmed', 4, facts({ length: 2, first: '5-0' }), known()],
    ['was trimmed to nothing', 6, facts({ length: 0, first: '0-0' }), known()],
    ['was trimmed before it was ever looked at', 4, facts({ length: 2, first: '5-0' }), undefined],
    [
      'lacks one more than was archived',
      1,
      facts({ length: 1, first: '6-0' }, { trimmed: 4, floor: '4-0' }),
      known(),
    ],
    [
      'lacks one after the floor',
      1,
      facts({ length: 2, first: '5-0' }, { trimmed: 4, floor: '4-0', missing: ['5-1'] }),
      known(),
    ],
    [
      'has an entry that the catalog counts as trimmed',
      6,
      facts({ length: 3, first: '4-0' }, { trimmed: 4, floor: '4-0' }),
      known(),
    ],
    ['lacks one in the middle', 1, facts({ length: 5, deleted: '3-0' }), known()],
    ['lacks one more than were erased', 1, facts({ length: 4, deleted: '3-0' }, { erased: 1 }), known()],
    ['ends earlier than it did', 2, facts({ length: 4, added: 4, last: '4-0' }), known()],
    ['has others in the place of its last', 1, facts({}, { missing: ['6-0'] }), known()],
    ['ends before what a projection has', 1, facts({}, { bases: ['7-0'] }), undefined],
  ])('%s', (_what, events, now, before) => {
    expect(lossIn(now, NOTHING, before)).toMatchObject({ events });
  });
});
