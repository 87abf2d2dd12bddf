import { parseArgs } from 'node:util';
import {
  type ArchiveStore,
  type BinaryEntry,
  loadSegments,
  type RowGroup,
  type Segment,
} from '#libs/event-log';
import { type NewEvent, packEvent, unpackEvent } from '#libs/events';
import { documentOf } from './save-log.js';
import { random } from './score-log.js';

const USAGE = `usage: npm run bench:archive -- [--events <count>] [--rounds <count>]

Measures the segments of the archive: bytes per event, events sealed and read per second of CPU time. No Redis, no files.`;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});

const { SegmentReader, SegmentWriter } = await loadSegments();

const PLAYERS = 100_000;
const BOARDS = 20;
const START = Date.UTC(2026, 0, 1);
const MEAN_GAP_MS = 5;
const HEX = '0123456789abcdef';
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

interface Workload {
  readonly name: string;
  readonly stream: 'scores' | 'players';
  readonly events: number;
  entries(): Generator<BinaryEntry>;
}

/** A text of random characters. */
function randomText(next: () => number, alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[Math.floor(next() * alphabet.length)]).join('');
}

/** Ids with random gaps, as independent players cause them. */
function* ids(next: () => number, count: number): Generator<string> {
  let ms = START;
  let seq = 0;
  for (let i = 0; i < count; i++) {
    const gap = Math.floor(-Math.log(1 - next()) * MEAN_GAP_MS);
    seq = gap === 0 ? seq + 1 : 0;
    ms += gap;
    yield `${ms}-${seq}`;
  }
}

const entryOf = (id: string, event: NewEvent, version?: number): BinaryEntry => {
  const { e, d, m } = packEvent(event);
  const fields = { e, v: version === undefined ? undefined : String(version), m, d };
  return [
    id,
    Object.entries(fields).flatMap(([name, text]) =>
      text === undefined ? [] : [Buffer.from(name), Buffer.from(text)],
    ),
  ];
};

function scores(name: string, events: number, playerId: 'short' | 'guest', hasKey = false): Workload {
  function* entries(): Generator<BinaryEntry> {
    const next = random(1);
    const players = Array.from({ length: PLAYERS }, (_, i) =>
      playerId === 'short' ? `player-${100_000 + i}` : `p${randomText(next, BASE32, 20)}`,
    );
    for (const id of ids(next, events)) {
      // A few players and boards have most of the scores; scores span several orders of magnitude.
      const player = players[Math.floor(next() ** 2 * PLAYERS)] ?? '';
      const board = `board-${Math.floor(next() ** 2 * BOARDS)}`;
      const score = Math.floor(Math.exp(next() * 10) * 10);
      yield entryOf(id, {
        type: 'ScoreSubmitted',
        data: { board, player, score },
        actor: { kind: 'player', id: player },
        ...(hasKey && { idempotencyKey: uuid(next) }),
      });
    }
  }
  return { name, stream: 'scores', events, entries };
}

const uuid = (next: () => number) =>
  randomText(next, HEX, 32).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');

function saves(name: string, events: number): Workload {
  function* entries(): Generator<BinaryEntry> {
    const next = random(1);
    const versions = new Map<string, number>();
    for (const id of ids(next, events)) {
      const player = `player-${100_000 + Math.floor(next() ** 2 * (PLAYERS / 10))}`;
      const version = (versions.get(player) ?? 0) + 1;
      versions.set(player, version);
      const data = { player, slot: 'autosave', document: documentOf(version + player.charCodeAt(10)) };
      yield entryOf(id, { type: 'SaveWritten', data, actor: { kind: 'player', id: player } }, version);
    }
  }
  return { name, stream: 'players', events, entries };
}

/** Holds one object in memory. */
function memoryStore(bytes: Buffer): ArchiveStore {
  const get: ArchiveStore['get'] = async (_, { offset, length } = { offset: 0, length: bytes.length }) =>
    bytes.subarray(offset, offset + length);
  return { url: 'memory:', get } as ArchiveStore;
}

/** CPU time of this process in microseconds. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The workload is made in pieces, so that the garbage collector does not count its size to the cost of sealing. */
const PIECE_EVENTS = 10_000;

function seal({ stream, entries }: Workload): { segment: Segment; micros: number; logBytes: number } {
  const writer = new SegmentWriter(stream, 0);
  let micros = 0;
  let logBytes = 0;
  let piece: BinaryEntry[] = [];
  const addPiece = () => {
    const start = cpuTime();
    for (const entry of piece) writer.add(entry);
    micros += cpuTime() - start;
    piece = [];
  };
  for (const entry of entries()) {
    for (const field of entry[1]) logBytes += field.length;
    if (piece.push(entry) === PIECE_EVENTS) addPiece();
  }
  addPiece();
  const start = cpuTime();
  const segment = writer.finish();
  micros += cpuTime() - start;
  if (!segment) throw new Error('there are no events: give --events 1 or more');
  return { segment, micros, logBytes };
}

async function read({ info, bytes }: Segment): Promise<number> {
  const reader = await SegmentReader.open(memoryStore(bytes), '', info);
  let events = 0;
  for (const group of reader.groups.keys()) events += unpack(await reader.read(group));
  return events;
}

function unpack(rows: RowGroup): number {
  for (let i = 0; i < rows.length; i++) unpackEvent(...rows.entry(i));
  return rows.length;
}

async function main(): Promise<void> {
  const events = Number(values.events);
  const workloads = [
    scores('score', events, 'short'),
    scores('score of a guest (id of 21 random characters)', events, 'guest'),
    scores('score with an idempotency key', events, 'short', true),
    scores('score of a guest with an idempotency key', events, 'guest', true),
    saves('save of 1 KiB', Math.ceil(events / 10)),
  ];
  for (let round = 1; round <= Number(values.rounds); round++)
    for (const workload of workloads) {
      const { segment, micros, logBytes } = seal(workload);
      const start = cpuTime();
      await read(segment);
      const rate = (cpuMicros: number) => Math.round((workload.events * 1_000) / cpuMicros);
      const readRate = rate(cpuTime() - start);
      const { bytes, tailBytes } = segment.info;
      const perEvent = (count: number) => (count / workload.events).toFixed(1);
      process.stdout.write(
        `${workload.name}: ${perEvent(bytes)} bytes (${perEvent(tailBytes)} of them filters and metadata; fields ${perEvent(logBytes)}), ` +
          `sealed ${rate(micros)} k/s, read ${readRate} k/s\n`,
      );
    }
}

if (values.help) process.stdout.write(`${USAGE}\n`);
else await main();
