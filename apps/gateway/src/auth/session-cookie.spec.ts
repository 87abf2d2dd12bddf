import { readCookie } from './session-cookie.js';

describe('the session cookie', () => {
  it.each([
    'questlog_session=Ab-_9',
    'theme=dark; questlog_session=Ab-_9; lang=en',
    'theme=dark;questlog_session=Ab-_9',
  ])('is found in %p', cookie => {
    expect(readCookie({ cookie })).toBe('Ab-_9');
  });

  it.each([
    undefined,
    '',
    'questlog_session=',
    'questlog_session="Ab"',
    'my_questlog_session=Ab',
    'theme=questlog_session=Ab',
    'questlog_session=A b',
  ])('is not found in %p', cookie => {
    expect(readCookie({ ...(cookie !== undefined && { cookie }) })).toBeUndefined();
  });
});
