import { KeyRing } from './key-ring.js';
import { hashOf } from './token-hash.js';

describe('the key ring', () => {
  const ring = new KeyRing(['server-one', 'server-two'], ['admin-one']);

  it('knows the role of each key', () => {
    expect(ring.find(hashOf('server-one'))?.kind).toBe('server');
    expect(ring.find(hashOf('server-two'))?.kind).toBe('server');
    expect(ring.find(hashOf('admin-one'))?.kind).toBe('admin');
  });

  it.each(['', ' ', 'server', 'server-one ', 'SERVER-ONE', 'server-oneserver-two', 'server-three'])(
    'does not know %p',
    secret => {
      expect(ring.find(hashOf(secret))).toBeUndefined();
    },
  );

  it('does not take the id of a key for its secret', () => {
    expect(ring.find(hashOf(ring.find(hashOf('admin-one'))?.id ?? ''))).toBeUndefined();
  });

  it('identifies each key by six hexadecimal digits that do not reveal it', () => {
    const ids = ['server-one', 'server-two', 'admin-one'].map(secret => ring.find(hashOf(secret))?.id);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{6}$/);
    expect(new Set(ids).size).toBe(3);
  });

  it('gives a key the same id whatever other keys there are', () => {
    const later = new KeyRing(['server-zero', 'server-two'], []);
    expect(later.find(hashOf('server-two'))).toEqual(ring.find(hashOf('server-two')));
    expect(later.find(hashOf('server-one'))).toBeUndefined();
  });

  it('treats a key that is in both lists as an admin key', () => {
    expect(new KeyRing(['both'], ['both']).find(hashOf('both'))?.kind).toBe('admin');
  });

  it('is empty without keys', () => {
    expect(new KeyRing([], []).find(hashOf(''))).toBeUndefined();
  });

  it('accepts keys of any length and script', () => {
    const secrets = ['x'.repeat(10_000), '\u{1F511}', 'caf\u00e9'];
    const wide = new KeyRing(secrets, []);
    for (const secret of secrets) expect(wide.find(hashOf(secret))?.kind).toBe('server');
    expect(wide.find(hashOf('cafe\u0301'))).toBeUndefined();
  });
});
