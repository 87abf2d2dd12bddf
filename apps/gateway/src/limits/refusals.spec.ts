import { Refusals } from './refusals.js';

describe('refusals', () => {
  let now: number;
  let refusals: Refusals;
  const admission = { admitted: false, remaining: 2, retryAfter: 400, resetAfter: 1_000 };

  beforeEach(() => {
    now = 1_000;
    refusals = new Refusals(() => now);
  });

  it('hold until Redis might say something else, and count down', () => {
    refusals.add('ada', 1, admission, 1_000);
    expect(refusals.find('bob', 1)).toBeUndefined();
    now = 1_399;
    expect(refusals.find('ada', 1)).toEqual({ ...admission, retryAfter: 1, resetAfter: 601 });
    now = 1_400;
    expect(refusals.find('ada', 1)).toBeUndefined();
  });

  it('say nothing of what costs less', () => {
    refusals.add('ada', 5, admission, 1_000);
    expect(refusals.find('ada', 4)).toBeUndefined();
    expect(refusals.find('ada', 6)).toEqual(admission);
  });

  it('are bounded: the oldest is forgotten', () => {
    for (let i = 0; i <= 10_000; i++) refusals.add(`player-${i}`, 1, admission, 1_000);
    expect(refusals.find('player-0', 1)).toBeUndefined();
    expect(refusals.find('player-1', 1)).toEqual(admission);
    expect(refusals.find('player-10000', 1)).toEqual(admission);
  });
});
