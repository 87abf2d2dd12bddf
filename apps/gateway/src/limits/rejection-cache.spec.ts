import { RejectionCache } from './rejection-cache.js';

describe('the rejection cache', () => {
  let now: number;
  let rejections: RejectionCache;
  const admission = { admitted: false, remaining: 2, retryAfter: 400, resetAfter: 1_000 };

  beforeEach(() => {
    now = 1_000;
    rejections = new RejectionCache(() => now);
  });

  it('keeps a rejection until Redis might answer otherwise, and counts down', () => {
    rejections.add('ada', 1, admission, 1_000);
    expect(rejections.find('bob', 1)).toBeUndefined();
    now = 1_399;
    expect(rejections.find('ada', 1)).toEqual({ ...admission, retryAfter: 1, resetAfter: 601 });
    now = 1_400;
    expect(rejections.find('ada', 1)).toBeUndefined();
  });

  it('has no answer for a smaller cost', () => {
    rejections.add('ada', 5, admission, 1_000);
    expect(rejections.find('ada', 4)).toBeUndefined();
    expect(rejections.find('ada', 6)).toEqual(admission);
  });

  it('is bounded: it drops the oldest rejection', () => {
    for (let i = 0; i <= 10_000; i++) rejections.add(`player-${i}`, 1, admission, 1_000);
    expect(rejections.find('player-0', 1)).toBeUndefined();
    expect(rejections.find('player-1', 1)).toEqual(admission);
    expect(rejections.find('player-10000', 1)).toEqual(admission);
  });
});
