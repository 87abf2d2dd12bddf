import fc from 'fast-check';
import { LineSplitter } from './line-splitter.js';

/** The lines of a text that comes in pieces of the given sizes, over and over. */
function split(bytes: Buffer, sizes: readonly number[], limit = 100) {
  const splitter = new LineSplitter(limit);
  const lines = [];
  for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length] ?? 1)
    lines.push(...splitter.push(bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1))));
  return [...lines, ...splitter.end()];
}

describe('a streamed text', () => {
  it('has the same lines wherever it is cut, even within a character', () => {
    const texts = fc.array(
      fc.string({ unit: 'grapheme', maxLength: 8 }).map(text => text.replaceAll('\n', '')),
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(texts, sizes, (lines, cuts) => {
        const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''));
        expect(split(bytes, cuts, 1_000)).toEqual(lines.map((text, i) => ({ number: i + 1, text })));
      }),
    );
  });

  it('has a last line without a newline, and none after one', () => {
    expect(split(Buffer.from('a\nb'), [10])).toEqual([
      { number: 1, text: 'a' },
      { number: 2, text: 'b' },
    ]);
    expect(split(Buffer.from('a\n'), [10])).toEqual([{ number: 1, text: 'a' }]);
    expect(split(Buffer.from('\n\n'), [1])).toEqual([
      { number: 1, text: '' },
      { number: 2, text: '' },
    ]);
  });

  it.each([[[1]], [[7]], [[1_000]]])('goes on after lines that are too long, in pieces of %j', sizes => {
    const text = `${'x'.repeat(10)}\n${'y'.repeat(11)}\nz\n${'w'.repeat(500)}`;
    expect(split(Buffer.from(text), sizes, 10)).toEqual([
      { number: 1, text: 'x'.repeat(10) },
      { number: 2 },
      { number: 3, text: 'z' },
      { number: 4 },
    ]);
  });

  it('continues after a line that is not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('a\n'), Buffer.from([0xff, 0x0a]), Buffer.from('b\n')]);
    expect(split(bytes, [2])).toEqual([{ number: 1, text: 'a' }, { number: 2 }, { number: 3, text: 'b' }]);
  });
});
