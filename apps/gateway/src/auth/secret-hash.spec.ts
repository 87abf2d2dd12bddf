import { scryptSync } from 'node:crypto';
import { hashLike, hashMatching, hashSecret, startOf } from './secret-hash.js';

describe('the hash of a secret', () => {
  it('matches its secret and no other', async () => {
    const hash = await hashSecret('open sesame');
    expect(await hashMatching(hash, 'open sesame')).toBe(hash);
    for (const other of ['', 'open sesam', 'open sesame ', hash])
      expect(await hashMatching(hash, other)).toBeUndefined();
  });

  it('differs each time, and does not contain the secret', async () => {
    const [one, two] = await Promise.all([hashSecret('open sesame'), hashSecret('open sesame')]);
    expect(one).not.toBe(two);
    expect(one).toMatch(/^scrypt\$\d+\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  });

  it('still matches after the cost was changed', async () => {
    const salt = Buffer.from('an old salt');
    const hash = scryptSync('old secret', salt, 32, { N: 32_768, r: 8, p: 2, maxmem: 2 ** 27 });
    const text = `scrypt$32768$8$2$${salt.toString('base64url')}$${hash.toString('base64url')}`;
    expect(await hashMatching(text, 'old secret')).toBe(text);
    expect(await hashMatching(text, 'new secret')).toBeUndefined();
  });

  it('finds the right one of several, which have one salt', async () => {
    const first = await hashSecret('first');
    const second = await hashLike(startOf(first), 'second');
    const both = `${first} ${second}`;
    expect(startOf(both)).toBe(startOf(second));
    expect(second).not.toBe(first);
    expect(await hashMatching(both, 'first')).toBe(first);
    expect(await hashMatching(both, 'second')).toBe(second);
    expect(await hashMatching(both, 'third')).toBeUndefined();
  });

  it('matches nothing when it is missing', async () => {
    for (const secret of ['', 'open sesame']) expect(await hashMatching(undefined, secret)).toBeUndefined();
  });
});
