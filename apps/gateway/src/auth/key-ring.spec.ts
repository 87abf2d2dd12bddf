import { KeyRing } from './key-ring.js';

describe('the key ring', () => {
  const ring = new KeyRing(['server-one', 'server-two'], ['admin-one']);

  it('knows what kind of key a secret is', () => {
    expect(ring.find('server-one')?.kind).toBe('server');
    expect(ring.find('server-two')?.kind).toBe('server');
    expect(ring.find('admin-one')?.kind).toBe('admin');
  });

  it.each(['', ' ', 'server', 'server-one ', 'SERVER-ONE', 'server-oneserver-two', 'server-three'])(
    'does not know %p',
    secret => {
      expect(ring.find(secret)).toBeUndefined();
    },
  );

  it('does not take the id of a key for its secret', () => {
    expect(ring.find(ring.find('admin-one')?.id ?? '')).toBeUndefined();
  });

  it('names each key by six hexadecimal digits that say nothing of the secret', () => {
    const ids = ['server-one', 'server-two', 'admin-one'].map(secret => ring.find(secret)?.id);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{6}$/);
    expect(new Set(ids).size).toBe(3);
  });

  it('gives a key the same id whatever other keys there are', () => {
    const later = new KeyRing(['server-zero', 'server-two'], []);
    expect(later.find('server-two')).toEqual(ring.find('server-two'));
    expect(later.find('server-one')).toBeUndefined();
  });

  it('lets a secret that is both be the admin', () => {
    expect(new KeyRing(['both'], ['both']).find('both')?.kind).toBe('admin');
  });

  it('knows nobody without keys', () => {
    expect(new KeyRing([], []).find('')).toBeUndefined();
  });

  it('takes secrets of any length and script', () => {
    const secrets = ['x'.repeat(10_000), '\u{1F511}', 'caf\u00e9'];
    const wide = new KeyRing(secrets, []);
    for (const secret of secrets) expect(wide.find(secret)?.kind).toBe('server');
    expect(wide.find('cafe\u0301')).toBeUndefined();
  });
});
