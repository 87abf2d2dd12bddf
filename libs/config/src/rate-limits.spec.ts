import { LIMITED_CLASSES, LIMITED_ROLES, parseRateLimits, RateLimitSyntaxError } from './rate-limits.js';

describe('the setting of rate limits', () => {
  it('has a limit for every role and class', () => {
    const names = LIMITED_ROLES.flatMap(role => LIMITED_CLASSES.map(name => `${role}.${name}`));
    expect([...(parseRateLimits('on')?.keys() ?? [])].sort()).toEqual(names.sort());
  });

  it('changes only the limits that are given', () => {
    const limits = parseRateLimits('player.write=50/10s, anonymous.read=1000/m,server.bulk=7/1h');
    expect(limits?.get('player.write')).toEqual({ limit: 50, window: 10_000 });
    expect(limits?.get('anonymous.read')).toEqual({ limit: 1_000, window: 60_000 });
    expect(limits?.get('server.bulk')).toEqual({ limit: 7, window: 3_600_000 });
    expect(limits?.get('player.read')).toEqual(parseRateLimits('on')?.get('player.read'));
  });

  it('can be off for all, or for some', () => {
    expect(parseRateLimits('off')).toBeUndefined();
    const limits = parseRateLimits('server.read=off');
    expect(limits?.has('server.read')).toBe(false);
    expect(limits?.has('server.write')).toBe(true);
  });

  it.each([
    ['no', /expected on, off, or comma-separated settings/],
    ['player.write', /player\.write=50\/10s/],
    ['player.write=50/10s,', /expected on, off, or comma-separated settings/],
    ['players.write=50/10s', /unknown role "players"; the roles are anonymous, player/],
    ['player.wirte=50/10s', /unknown class "wirte"; the classes are read, write/],
    ['player.write=50', /such as 50\/10s/],
    ['player.write=50/10', /such as 50\/10s/],
    ['player.write=50/10d', /such as 50\/10s/],
    ['player.write=-1/10s', /such as 50\/10s/],
    ['player.write=0/10s', /1 to 1000000000/],
    ['player.write=9999999999/10s', /1 to 1000000000/],
    ['player.write=5/0s', /1s to 1h/],
    ['player.write=5/2h', /1s to 1h/],
    ['player.write=5/1s,player.write=6/1s', /"player.write" is given twice/],
  ])('rejects %j and says what is expected', (text, reason) => {
    expect(() => parseRateLimits(text)).toThrow(RateLimitSyntaxError);
    expect(() => parseRateLimits(text)).toThrow(reason);
  });
});
