import { withoutTrailingSlash } from './trailing-slash.js';

describe('a trailing slash', () => {
  it.each([
    ['/api/playerstate/', '/api/playerstate'],
    ['/api/playerstate/?x=/', '/api/playerstate?x=/'],
    ['/api/leaderboard/leaderboards:a/?count=3', '/api/leaderboard/leaderboards:a?count=3'],
    ['/session/', '/session'],
  ])('is removed from %s', (url, without) => {
    expect(withoutTrailingSlash({ url })).toBe(without);
  });

  it.each([
    '/',
    '/docs/',
    '/v1/scores/',
    '/api/',
    '/api/playerstate//',
    '/sessions/',
    '/api/playerstate?a=/',
    '/x/api/y/',
  ])('stays in %s', url => {
    expect(withoutTrailingSlash({ url })).toBe(url);
  });
});
