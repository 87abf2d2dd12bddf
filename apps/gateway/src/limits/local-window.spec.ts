import { LocalWindow } from './local-window.js';

describe('the local window', () => {
  const limit = { limit: 3, window: 10_000 };

  it('admits what fits, and tells when more will', () => {
    let now = 0;
    const window = new LocalWindow(() => now);
    expect(window.admit('ada', limit, 2)).toEqual({
      ...{ admitted: true, remaining: 1, retryAfter: 0, resetAfter: 10_000 },
    });
    now = 4_000;
    expect(window.admit('ada', limit, 2)).toEqual({
      ...{ admitted: false, remaining: 1, retryAfter: 6_000, resetAfter: 6_000 },
    });
    expect(window.admit('bob', limit, 3)).toMatchObject({ admitted: true });
    now = 10_000;
    expect(window.admit('ada', limit, 3)).toMatchObject({ admitted: true, remaining: 0 });
  });

  it('keeps a limited number of callers', () => {
    const window = new LocalWindow(() => 0);
    for (let i = 0; i <= 10_000; i++) window.admit(`caller-${i}`, limit, 3);
    expect(window.admit('caller-1', limit, 1)).toMatchObject({ admitted: false });
    expect(window.admit('caller-0', limit, 1)).toMatchObject({ admitted: true });
  });
});
