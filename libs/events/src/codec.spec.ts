import fc from 'fast-check';
import { codeOf, packArray, packAs, packEvent, typeOfCode, unpackEvent } from './codec.js';
import { MalformedEventError, UnknownEventTypeError } from './errors.js';
import { type NewEvent, timeOf } from './event.js';
import type { JsonObject } from './json.js';
import { OPERATORS, ORDERS, RANKINGS, SUBMITTERS, TIE_BREAKS } from './types/board-defined.js';

const actor = fc.record({
  kind: fc.constantFrom('player' as const, 'server' as const, 'admin' as const),
  id: fc.string(),
});
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const present = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));

const scoreSubmitted = fc.record({
  board: fc.string(),
  player: fc.string(),
  score: fc.double({ noNaN: true, noDefaultInfinity: true }).map(score => score + 0),
  attributes: optional(
    fc.dictionary(fc.string({ minLength: 1 }), fc.oneof(fc.string(), fc.integer(), fc.boolean())),
  ),
});

/** Passed through JSON, which turns -0 into 0. */
const jsonObject = fc
  .dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.jsonValue())
  .map(value => JSON.parse(JSON.stringify(value)) as JsonObject);
const saveWritten = fc.record(
  { player: fc.string(), slot: fc.string(), document: fc.json(), meta: jsonObject },
  { requiredKeys: ['player', 'slot', 'document'] },
);
const profilePatched = fc.record({ player: fc.string(), patch: jsonObject });

const version = fc.integer({ min: 1, max: 1_000_000 });
const first = fc.record({ ms: fc.nat(), seq: fc.nat() });
const attribute = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const definition = fc
  .record({
    order: fc.constantFrom(...ORDERS),
    operator: fc.constantFrom(...OPERATORS),
    reset: optional(fc.string()),
    timezone: optional(fc.string()),
    keepPeriods: optional(fc.nat()),
    tieBreak: fc.constantFrom(...TIE_BREAKS),
    ranking: fc.constantFrom(...RANKINGS),
    source: optional(fc.string()),
    filter: optional(fc.dictionary(fc.string({ minLength: 1 }), fc.oneof(attribute, fc.array(attribute)))),
    min: optional(fc.integer()),
    max: optional(fc.integer()),
    submit: fc.constantFrom(...SUBMITTERS),
    maxEntries: optional(fc.nat()),
    minInterval: optional(fc.nat()),
  })
  .map(present);

const typed = fc.oneof(
  fc.record({
    type: fc.constant('ScoreSubmitted'),
    data: scoreSubmitted.map(present),
    version: optional(version),
  }),
  fc.record({ type: fc.constant('SaveWritten'), data: saveWritten, version }),
  fc.record({
    type: fc.constant('SaveDeleted'),
    data: fc.record({ player: fc.string(), slot: fc.string() }),
    version,
  }),
  fc.record({ type: fc.constant('ProfilePatched'), data: profilePatched, version }),
  fc.record({
    type: fc.constant('EntryRevoked'),
    data: fc.record({ board: fc.string(), player: fc.string() }),
    version,
  }),
  fc.record({
    type: fc.constant('BoardDefined'),
    data: fc.record({ board: fc.string(), definition, first: optional(first) }).map(present),
  }),
  fc.record({
    type: fc.constant('BoardRemoved'),
    data: fc.record({ board: fc.string(), first: optional(first) }).map(present),
  }),
  fc.record({
    type: fc.constantFrom('PlayerBanned', 'PlayerUnbanned'),
    data: fc.record({ player: fc.string(), first: optional(first) }).map(present),
  }),
  fc.record({ type: fc.constant('ScoresErased'), data: fc.record({ player: fc.string() }) }),
);

/** Recorded events without ids. */
const events = fc
  .record({
    typed,
    actor,
    trace: optional(fc.string({ minLength: 1 })),
    idempotencyKey: optional(fc.string({ minLength: 1 })),
  })
  .map(({ typed, ...rest }) => present({ ...typed, ...rest }) as unknown as NewEvent & { version?: number });

const fieldsOf = (event: NewEvent) => Object.entries(packEvent(event)).flat() as string[];

describe('the event codec', () => {
  it('unpacks every event to what was packed', () => {
    fc.assert(
      fc.property(events, event => {
        const fields = [...fieldsOf(event), ...(event.version ? ['v', String(event.version)] : [])];
        expect(unpackEvent('17-3', fields)).toEqual({ ...event, id: { ms: 17, seq: 3 } });
      }),
    );
  });

  it('reads the version that the append script wrote beside the event', () => {
    const event: NewEvent = {
      type: 'SaveWritten',
      data: { player: 'ada', slot: 'auto', document: '{"hp":1e400}' },
      actor: { kind: 'server', id: 'k1' },
    };
    expect(unpackEvent('1-0', [...fieldsOf(event), 'v', '12'])).toEqual({
      ...event,
      version: 12,
      id: { ms: 1, seq: 0 },
    });
  });

  it('reads the head versions that the append script wrote with the erasure of a player', () => {
    const event: NewEvent = {
      type: 'PlayerErased',
      data: { player: 'ada' },
      actor: { kind: 'admin', id: 'k1' },
    };
    const { data } = unpackEvent('1-0', [...fieldsOf(event), 'd', '{"auto":3,"/profile":1}']);
    expect(data).toEqual({ player: 'ada', heads: { auto: 3, '/profile': 1 } });
  });

  it('keeps an ordinary score event within 45 bytes', () => {
    const { e } = packEvent({
      type: 'ScoreSubmitted',
      data: { board: 'weekly-eu', player: 'player-123456', score: 123456 },
      actor: { kind: 'server', id: '1a2b3c' },
    });
    expect(e).toBe('s2 s1a2b3c weekly-eu player-123456 123456');
    expect(Buffer.byteLength(e)).toBeLessThanOrEqual(45);
  });

  it('packs scores as an array for fingerprints, although the log uses a shorter form', () => {
    const data = { board: 'weekly', player: 'ada', score: 9 };
    const event: NewEvent = { type: 'ScoreSubmitted', data, actor: { kind: 'player', id: 'ada' } };
    expect(packArray(event)).toBe('["s1","p:ada","weekly","ada",9]');
  });

  it('does not repeat the player id when the player submitted the score', () => {
    const { e } = packEvent({
      type: 'ScoreSubmitted',
      data: { board: 'weekly', player: 'ada', score: -1.5, attributes: { region: 'eu west' } },
      actor: { kind: 'player', id: 'ada' },
    });
    expect(e).toBe('s2 p weekly ada -1.5 {"region":"eu west"}');
  });

  it('unpacks every score to what was packed, whatever characters its ids contain', () => {
    // Ids that the gateway accepts, and ids that it never would.
    const word = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'apsA0.:_-'), maxLength: 4 }),
      fc.string({ unit: fc.constantFrom(...'ps "\\\n\u00e9\ud83d'), maxLength: 4 }),
    );
    const score = fc.oneof(
      scoreSubmitted.map(data => data.score),
      fc.maxSafeInteger(),
    );
    const attributes = optional(fc.dictionary(fc.string({ unit: fc.constantFrom(...'ab ') }), word));
    const scores = fc
      .record({ board: word, player: word, score, attributes })
      .map(data => present(data) as unknown as NewEvent<'ScoreSubmitted'>['data']);
    fc.assert(
      fc.property(scores, actor, word, fc.boolean(), (data, { kind }, id, isOwn) => {
        const event: NewEvent = {
          type: 'ScoreSubmitted',
          data,
          actor: { kind, id: isOwn ? data.player : id },
        };
        // Redis stores UTF-8.
        const fields = fieldsOf(event).map(text => Buffer.from(text).toString());
        expect(unpackEvent('17-3', fields)).toEqual({ ...event, id: { ms: 17, seq: 3 } });
      }),
      { numRuns: 1_000 },
    );
  });

  it('packs an event again in the form that its code names', () => {
    const event: NewEvent = {
      type: 'ScoreSubmitted',
      data: { board: 'weekly', player: 'ada', score: 9 },
      actor: { kind: 'player', id: 'ada' },
    };
    for (const e of ['s2 p weekly ada 9', '["s1","p:ada","weekly","ada",9]']) {
      const code = codeOf('ScoreSubmitted', e);
      expect(typeOfCode(code)).toBe('ScoreSubmitted');
      expect(packAs(code, event)).toBe(e);
    }
    expect(packAs('s3', event)).toBeUndefined();
    expect(packAs('s2', { ...event, data: { ...event.data, board: 'a b' } })).toBeUndefined();
  });

  it('reads scores in the array form of old logs', () => {
    const fields = ['e', '["s1","s:k","b","p",9,{"region":"eu"}]', 'v', '2'];
    expect(unpackEvent('1-0', fields)).toEqual({
      type: 'ScoreSubmitted',
      data: { board: 'b', player: 'p', score: 9, attributes: { region: 'eu' } },
      actor: { kind: 'server', id: 'k' },
      version: 2,
      id: { ms: 1, seq: 0 },
    });
  });

  it('sets the time only when the stream entry has one', () => {
    const fields = ['e', 's2 p weekly ada 9'];
    expect(unpackEvent('99-0', fields)).not.toHaveProperty('at');
    expect(timeOf(unpackEvent('99-0', fields))).toBe(99);
    const late = unpackEvent('99-0', [...fields, 't', '17']);
    expect(late).toMatchObject({ id: { ms: 99, seq: 0 }, at: 17 });
    expect(timeOf(late)).toBe(17);
    expect(packEvent(late)).toEqual({ e: 's2 p weekly ada 9', t: '17' });
  });

  it.each([
    ['a time that is not a number', ['e', 's2 p b ada 9', 't', 'noon']],
    ['no fields', []],
    ['no packed event', ['x', '1']],
    ['text that is not JSON', ['e', '[']],
    ['JSON that is not an array', ['e', '{"s1":1}']],
    ['a score that is not a number', ['e', '["s1","s:k","b","p","9"]']],
    ['a score that overflows', ['e', '["s1","s:k","b","p",1e999]']],
    ['a missing player', ['e', '["s1","s:k","b"]']],
    ['attributes that are a list', ['e', '["s1","s:k","b","p",9,[1]]']],
    ['a score line that ends early', ['e', 's2 sk b p']],
    ['a score line without a score', ['e', 's2 sk b p ']],
    ['a score line whose score is hexadecimal', ['e', 's2 sk b p 0x10']],
    ['a score line whose score overflows', ['e', 's2 sk b p 1e999']],
    ['a score line whose score is text', ['e', 's2 sk b p "9"']],
    ['a score line with malformed attributes', ['e', 's2 sk b p 9 {']],
    ['a score line whose attributes are a list', ['e', 's2 sk b p 9 [1]']],
    ['a score line with an unknown kind of actor', ['e', 's2 root b p 9']],
    ['a save without its document', ['e', '["w1","s:k","p","slot"]', 'v', '1']],
    ['a save without its version', ['e', '["w1","s:k","p","slot"]', 'd', '{}']],
    ['a deletion without its version', ['e', '["y1","s:k","p","slot"]']],
    ['a profile patch without its version', ['e', '["f1","s:k","p",{}]']],
    ['a profile patch that is a list', ['e', '["f1","s:k","p",[]]', 'v', '1']],
    ['a profile patch that is null', ['e', '["f1","s:k","p",null]', 'v', '1']],
    ['a revocation without its number', ['e', '["r1","s:k","b","p"]']],
    ['a version that is not a number', ['e', '["s1","s:k","b","p",9]', 'v', 'x']],
    ['a ban whose original has an invalid id', ['e', '["x1","s:k","p","1"]']],
    ['an erasure without head versions', ['e', '["e1","a:k","p"]']],
    ['a head that is not a version', ['e', '["e1","a:k","p"]', 'd', '{"auto":"3"}']],
    ['an unknown scoring rule', ['e', '["b1","s:k","b",{"order":"desc","operator":"most"}]']],
    ['an unknown kind of actor', ['e', '["s1","root","b","p",9]']],
  ])('rejects a stream entry with %s', (_, fields) => {
    expect(() => unpackEvent('1-0', fields)).toThrow(MalformedEventError);
  });

  it('rejects an unknown event type and names its code', () => {
    expect(() => unpackEvent('1-0', ['e', '["zz9","s:k"]'])).toThrow(UnknownEventTypeError);
    expect(() => unpackEvent('1-0', ['e', '["zz9","s:k"]'])).toThrow(/"zz9"/);
    expect(() => unpackEvent('1-0', ['e', 's3 p weekly ada 9'])).toThrow(UnknownEventTypeError);
  });
});
