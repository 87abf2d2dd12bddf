import fc from 'fast-check';
import { formatCursor, InvalidCursorError, parseCursor } from './cursor.js';

const digits = fc.integer({ min: 0, max: 999_999_999_999_999 });
const positions = fc.record({
  source: fc.constantFrom('s0', 'p1023', 'ranking-projector.s3', 'scores@2.s7'),
  id: fc.record({ ms: digits, seq: digits }),
});
const encoded = (text: string) => Buffer.from(text).toString('base64url');

describe('a cursor', () => {
  it('decodes to the position that it encodes', () => {
    fc.assert(
      fc.property(positions, position => expect(parseCursor(formatCursor(position))).toEqual(position)),
    );
  });

  it('contains only characters that need no escape in a URL', () => {
    fc.assert(fc.property(positions, position => expect(formatCursor(position)).toMatch(/^[\w-]+$/)));
  });

  it.each([
    '',
    '!',
    's3',
    encoded('s3'),
    encoded('s3 '),
    encoded('s3 1'),
    encoded(' 1-0'),
    encoded('s3 1-0 2'),
    encoded('s3 01-0'),
    encoded('s3 1234567890123456-0'),
    encoded('s3 (1-0'),
    encoded('{"s3":"1-0"}'),
  ])('is refused when no page gave it: %j', text => {
    expect(() => parseCursor(text)).toThrow(InvalidCursorError);
  });
});
