import { readFileSync } from 'node:fs';
import { parseQuotas, QUOTA_NAMES, QuotaSyntaxError } from './quotas.js';

describe('quotas', () => {
  it('are all limited by default', () => {
    expect([...parseQuotas('on').keys()]).toEqual([...QUOTA_NAMES]);
  });

  it('are unlimited when they are off', () => {
    expect(parseQuotas('off').size).toBe(0);
  });

  it('keep the defaults except for those that are given', () => {
    const quotas = parseQuotas('player.slots=20, player.saveBytes=4MiB,player.boards=off');
    const expected = new Map(parseQuotas('on'));
    expected
      .set('player.slots', 20)
      .set('player.saveBytes', 4 * 1024 * 1024)
      .delete('player.boards');
    expect(quotas).toEqual(expected);
  });

  it.each([
    ['', 'expected on, off'],
    ['player.slots', 'expected on, off'],
    ['player.slot=3', 'unknown quota "player.slot"; the quotas are player.saveBytes'],
    ['player.slots=0', 'expected off, or a number from 1'],
    ['player.slots=-1', 'expected off, or a number from 1'],
    ['player.saveBytes=4MB', 'such as 100, 64KiB'],
    ['player.saveBytes=99999GiB', 'a number from 1 to'],
    ['player.slots=1,player.slots=2', 'is given twice'],
  ])('reject "%s" and say what is expected', (text, reason) => {
    expect(() => parseQuotas(text)).toThrow(QuotaSyntaxError);
    expect(() => parseQuotas(text)).toThrow(reason);
  });

  it('are documented with their defaults', () => {
    const rows = readFileSync('docs/security.md', 'utf8').matchAll(/^\| `([a-z]+\.[A-Za-z]+)` \| (\w+) \|/gm);
    const documented = [...rows].map(([, name, value]) => `${name}=${value}`);
    expect(documented).toHaveLength(QUOTA_NAMES.length);
    expect(parseQuotas(documented.join())).toEqual(parseQuotas('on'));
  });
});
