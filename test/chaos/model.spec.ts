import { type BoardRules, Model } from './model.js';

/** A board of two players: ada scored 5, 9, 7 and bob 6. */
function modelWith(rules: BoardRules): Model {
  const model = new Model(['board']);
  model.definedFirst('s0-1-0', 'board', rules);
  [5, 9, 7].forEach((score, i) => {
    model.scored(`s0-2-${i}`, 'board', 'ada', score);
  });
  model.scored('s0-3-0', 'board', 'bob', 6);
  return model;
}

describe('the model', () => {
  it.each([
    [{ order: 'desc', operator: 'best' }, 9],
    [{ order: 'asc', operator: 'best' }, 5],
    [{ order: 'desc', operator: 'latest' }, 7],
    [{ order: 'asc', operator: 'sum' }, 21],
  ] as const)('knows what %j makes of several scores', (rules, score) => {
    expect(modelWith(rules).standings('board')).toEqual(
      new Map([
        ['ada', score],
        ['bob', 6],
      ]),
    );
  });

  it('starts afresh after a revocation', () => {
    const model = modelWith({ order: 'desc', operator: 'sum' });
    model.revoked('s0-4-0', 'board', 'ada');
    expect(model.expected('board', 'ada')).toEqual([undefined]);
    model.scored('s0-5-0', 'board', 'ada', 2);
    expect(model.expected('board', 'ada')).toEqual([2]);
  });

  it('hides the banned, and keeps their scores', () => {
    const model = modelWith({ order: 'desc', operator: 'sum' });
    model.moderated('s*-4-0', 'ada', true);
    model.scored('s0-5-0', 'board', 'ada', 1);
    expect(model.standings('board')).toEqual(new Map([['bob', 6]]));
    model.moderated('s*-6-0', 'ada', false);
    expect(model.expected('board', 'ada')).toEqual([22]);
  });

  it('allows a board that is defined anew to rank by what it ranked by before', () => {
    const model = modelWith({ order: 'desc', operator: 'best' });
    model.defining('board', { order: 'asc', operator: 'sum' });
    expect(model.expected('board', 'ada')).toEqual([9, 21]);
  });

  it('remembers which events no read has shown', () => {
    const model = modelWith({ order: 'desc', operator: 'best' });
    model.entry('board', 'ada').unseen = [];
    model.moderated('s*-4-0', 'ada', true);
    expect(model.entry('board', 'ada').unseen).toEqual(['s*-4-0']);
    expect(model.entry('board', 'bob').unseen).toEqual(['s0-3-0']);
  });
});
