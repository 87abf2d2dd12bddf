import { ranksInList } from './ranks-in-list.js';

const entries = [90, 70, 70, 70, 10].map(score => ({ score }));

describe('ranks in a list', () => {
  it.each([
    ['standard', [1, 2, 2, 2, 5]],
    ['dense', [1, 2, 2, 2, 3]],
    ['ordinal', [1, 2, 3, 4, 5]],
  ] as const)('number equal scores as the board does: %s', (ranking, ranks) => {
    expect(ranksInList(entries, ranking)).toEqual(ranks);
  });

  it('are standard on a board without definition, and empty for an empty list', () => {
    expect(ranksInList(entries)).toEqual([1, 2, 2, 2, 5]);
    expect(ranksInList([])).toEqual([]);
  });
});
