import fc from 'fast-check';
import type { BinaryEntry } from '#libs/event-log';
import { type EventType, type NewEvent, OPERATORS, packArray, packEvent, STREAMS } from '#libs/events';

/** Ids that the gateway accepts, and ids that it never would. */
const anyId = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'apsA0.:_-'), minLength: 1, maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const anyScore = fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const anyAttributes = fc.dictionary(anyId, fc.oneof(fc.string(), fc.integer(), fc.boolean()));
const anyFirst = optional(fc.record({ ms: fc.nat(), seq: fc.nat() }));
const anyDefinition = fc.record({
  order: fc.constantFrom('desc', 'asc'),
  operator: fc.constantFrom(...OPERATORS),
  tieBreak: fc.constant('first'),
  ranking: fc.constant('standard'),
  source: optional(anyId),
  filter: optional(fc.dictionary(anyId, fc.integer())),
  submit: fc.constant('players'),
});
/** Passed through JSON, which turns -0 into 0. */
const anyPatch = fc
  .dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.jsonValue())
  .map(value => JSON.parse(JSON.stringify(value)));

const subject = { board: anyId, player: anyId };
/** The data of every event type. The compiler checks that none is missing. */
const DATA: Readonly<Record<EventType, fc.Arbitrary<object>>> = {
  ScoreSubmitted: fc.record({ ...subject, score: anyScore, attributes: optional(anyAttributes) }),
  EntryRevoked: fc.record(subject),
  BoardDefined: fc.record({ board: anyId, definition: anyDefinition, first: anyFirst, born: anyFirst }),
  BoardRemoved: fc.record({ board: anyId, first: anyFirst }),
  PlayerBanned: fc.record({ player: anyId, first: anyFirst }),
  PlayerUnbanned: fc.record({ player: anyId, first: anyFirst }),
  ScoresErased: fc.record({ player: anyId }),
  SaveWritten: fc.record(
    { player: anyId, slot: anyId, document: fc.json(), meta: fc.constantFrom({}, { title: 'A b', n: [1] }) },
    { requiredKeys: ['player', 'slot', 'document'] },
  ),
  SaveDeleted: fc.record({ player: anyId, slot: anyId }),
  ProfilePatched: fc.record({ player: anyId, patch: anyPatch }),
  PlayerErased: fc.record({ player: anyId }),
};

type Fields = readonly [name: string, value: string][];

/** The fields of an event as the append script writes them. */
const anyEvent: fc.Arbitrary<Fields> = fc
  .record({
    typed: fc.oneof(
      ...Object.entries(DATA).map(([type, data]) => fc.record({ type: fc.constant(type), data })),
    ),
    actor: fc.record({ kind: fc.constantFrom('player', 'server', 'admin'), id: anyId }),
    isOwn: fc.boolean(),
    isArray: fc.boolean(),
    trace: optional(anyId),
    idempotencyKey: optional(anyId),
    version: optional(fc.integer({ min: 1, max: 999_999_999_999_999 })),
    at: optional(fc.integer({ min: 1, max: 999_999_999_999_999 })),
    heads: fc.dictionary(anyId, fc.nat()),
  })
  .map(({ typed, actor, isOwn, isArray, trace, idempotencyKey, version, at, heads }) => {
    const { player } = typed.data as { player?: string };
    const own = { kind: 'player', id: player ?? '' };
    const event = { ...typed, actor: isOwn ? own : actor, trace, idempotencyKey } as unknown as NewEvent;
    const { e, m, d } = packEvent(event);
    const fields = {
      e: isArray ? packArray(event) : e,
      v: version,
      m,
      d: event.type === 'PlayerErased' ? JSON.stringify(heads) : d,
      t: at,
    };
    return Object.entries(fields).flatMap(
      ([name, value]): Fields => (value === undefined ? [] : [[name, String(value)]]),
    );
  });

/** An event that another program changed: fields in another order, doubled, missing, or of another text. */
const anyOddEvent: fc.Arbitrary<Fields> = fc
  .tuple(anyEvent, anyEvent, fc.constantFrom('reverse', 'double', 'mix', 'drop', 'space', 'zero', 'extra'))
  .map(([fields, others, oddity]): Fields => {
    const [first = ['e', '']] = fields;
    if (oddity === 'reverse') return fields.toReversed();
    if (oddity === 'double') return [...fields, ...others];
    if (oddity === 'mix') return [first, ...others.slice(1)];
    if (oddity === 'drop') return fields.slice(1);
    if (oddity === 'extra') return [...fields, ['x', '1']];
    return fields.map(([name, value]) => [name, oddity === 'space' ? `${value} ` : `0${value}`]);
  });

const anyFields: fc.Arbitrary<readonly Buffer[]> = fc.oneof(
  { weight: 4, arbitrary: anyEvent.map(toBuffers) },
  { weight: 2, arbitrary: anyOddEvent.map(toBuffers) },
  // Not even field names need to be text.
  {
    weight: 1,
    arbitrary: fc
      .array(fc.tuple(anyBytes(), anyBytes()), { minLength: 1, maxLength: 3 })
      .map(fields => fields.flat()),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyEvent, anyBytes(), fc.nat())
      .map(([fields, bytes, at]) => toBuffers(fields).with(at % (2 * fields.length), bytes)),
  },
);

function anyBytes(): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength: 12 }).map(bytes => Buffer.from(bytes));
}

function toBuffers(fields: Fields): Buffer[] {
  return fields.flat().map(text => Buffer.from(text));
}

/** Not far below the greatest id that Questlog reads. */
const START_MS = 999_999_999_999_000;

/** Stream entries in their order. The stream need not be the one that their events belong to. */
export const anyEntries: fc.Arbitrary<BinaryEntry[]> = fc
  .array(fc.record({ gap: fc.nat({ max: 3 }), fields: anyFields }), { minLength: 1, maxLength: 40 })
  .map(entries => {
    let ms = START_MS;
    let seq = 0;
    return entries.map(({ gap, fields }): BinaryEntry => {
      seq = gap === 0 ? seq + 1 : 0;
      ms += gap;
      return [`${ms}-${seq}`, fields];
    });
  });

export const anyStream = fc.constantFrom(...STREAMS);
