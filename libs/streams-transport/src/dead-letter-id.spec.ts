import fc from 'fast-check';
import { STREAMS } from '#libs/events';
import { formatDeadLetterId, InvalidDeadLetterIdError, parseDeadLetterId } from './dead-letter-id.js';

const digits = fc.integer({ min: 0, max: 999_999_999_999_999 });
const refs = fc.record({
  group: fc.constantFrom('scores', 'ranking-projector', 'a.b', 'a.s3-1-0'),
  stream: fc.constantFrom(...STREAMS),
  partition: fc.nat({ max: 1_023 }),
  entryId: fc.record({ ms: digits, seq: digits }),
});

describe("a dead letter's id", () => {
  it('is parsed to the reference that it was formatted from', () => {
    fc.assert(fc.property(refs, ref => expect(parseDeadLetterId(formatDeadLetterId(ref))).toEqual(ref)));
  });

  it('is readable and needs no escaping in a URL path', () => {
    const entryId = { ms: 1_795_236_316_157, seq: 2 };
    expect(formatDeadLetterId({ group: 'ranking-projector', stream: 'scores', partition: 3, entryId })).toBe(
      'ranking-projector.s3-1795236316157-2',
    );
  });

  it.each([
    '',
    '.',
    's3-1-0',
    '.s3-1-0',
    'scores.',
    'scores.s3',
    'scores.s3-1',
    'scores.s*-1-0',
    'scores.x3-1-0',
    'scores.s3-01-0',
    'scores.s3-1-0 ',
    'scores/s3-1-0',
  ])('is refused when it is none: %j', text => {
    expect(() => parseDeadLetterId(text)).toThrow(InvalidDeadLetterIdError);
  });
});
