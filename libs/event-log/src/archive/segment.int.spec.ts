import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type NewEvent, packEvent, type StreamName } from '#libs/events';
import { pythonWith } from '#libs/testing';
import type { BinaryEntry } from './entry-row.js';
import { SegmentWriter } from './segment-writer.js';

const python = pythonWith('pyarrow.parquet', 'a segment can be read by pyarrow');

const entry = (id: string, event: NewEvent, more: Record<string, string> = {}): BinaryEntry => [
  id,
  Object.entries({ ...packEvent(event), ...more })
    .flat()
    .map(text => Buffer.from(text)),
];
const START = Date.UTC(2026, 11, 1);
const ODD: BinaryEntry = [`${START + 40_000}-0`, [Buffer.from('odd'), Buffer.from([0xff, 0x00])]];

const scores: readonly BinaryEntry[] = [
  ...Array.from({ length: 40_000 }, (_, i) =>
    entry(`${START + i}-0`, {
      type: 'ScoreSubmitted',
      data: { board: `board-${i % 4}`, player: `player-${i % 1_000}`, score: i / 2 },
      actor: { kind: 'player', id: `player-${i % 1_000}` },
      ...(i % 2 === 0 && { idempotencyKey: `key-${i}` }),
    }),
  ),
  ODD,
  entry(
    `${START + 40_000}-1`,
    {
      type: 'EntryRevoked',
      data: { board: 'board-1', player: 'zoë' },
      actor: { kind: 'admin', id: '1a2b3c' },
    },
    { v: '7', t: String(START) },
  ),
];
const saves: readonly BinaryEntry[] = Array.from({ length: 50 }, (_, i) =>
  entry(
    `${START + i}-0`,
    {
      type: 'SaveWritten',
      data: { player: 'ada', slot: 'auto', document: `{"level":${i}}` },
      actor: { kind: 'player', id: 'ada' },
    },
    { v: String(i + 1) },
  ),
);

describe('a segment', () => {
  let folder: string;
  let scoresFile: string;
  let savesFile: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-segment-'));
    scoresFile = write('scores', scores);
    savesFile = write('players', saves);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function write(stream: StreamName, entries: readonly BinaryEntry[]): string {
    const writer = new SegmentWriter(stream, 0);
    for (const entry of entries) writer.add(entry);
    const path = join(folder, `${stream}.parquet`);
    writeFileSync(path, writer.finish()?.bytes ?? '');
    return path;
  }

  describe('in DuckDB', () => {
    async function query(sql: string): Promise<unknown[]> {
      const connection = await (await DuckDBInstance.create()).connect();
      try {
        return (await connection.runAndReadAll(sql)).getRowObjectsJson();
      } finally {
        connection.closeSync();
      }
    }

    it('is a table of scores', async () => {
      expect(
        await query(`select board, count(*)::int as scores, max(score) as best, count(distinct player)::int as players,
          min(time)::varchar as first, count(idempotency_key)::int as keys
          from '${scoresFile}' where type = 'ScoreSubmitted' group by board order by board limit 1`),
      ).toEqual([
        {
          board: 'board-0',
          scores: 10_000,
          best: 19_998,
          players: 250,
          first: '2026-12-01 00:00:00',
          keys: 10_000,
        },
      ]);
    });

    it('finds a player by the Bloom filters, and events of every other kind', async () => {
      expect(await query(`select count(*)::int as n from '${scoresFile}' where player = 'player-7'`)).toEqual(
        [{ n: 40 }],
      );
      expect(
        await query(`select seq::int as seq, type, actor_kind, actor, version::int as version, own_time::varchar as own_time
          from '${scoresFile}' where player = 'zoë'`),
      ).toEqual([
        {
          seq: 1,
          type: 'EntryRevoked',
          actor_kind: 'admin',
          actor: '1a2b3c',
          version: 7,
          own_time: '2026-12-01 00:00:00',
        },
      ]);
      expect(
        await query(`select octet_length(raw)::int as bytes from '${scoresFile}' where type is null`),
      ).toEqual([{ bytes: 4 + 3 + 4 + 2 }]);
    });

    it('has the documents of saves as text', async () => {
      expect(
        await query(`select max(version)::int as version, sum((document->>'level')::int)::int as levels
          from '${savesFile}' where player = 'ada'`),
      ).toEqual([{ version: 50, levels: 1_225 }]);
    });
  });

  (python ? it : it.skip)('can be read by pyarrow', () => {
    const program = `
import json, sys, pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
print(json.dumps({
  'rows': table.num_rows,
  'types': {field.name: str(field.type) for field in table.schema},
  'sum': sum(value for value in table['score'].to_pylist() if value is not None),
  'player': table['player'].to_pylist()[-1],
  'raw': table['raw'].to_pylist()[-2].hex(),
  'saves': parquet.read_table(sys.argv[2])['document'].to_pylist()[-1],
  'version': json.loads(parquet.read_metadata(sys.argv[1]).metadata[b'questlog'])['version'],
}))`;
    const output = execFileSync(python ?? '', ['-c', program, scoresFile, savesFile], { encoding: 'utf8' });
    expect(JSON.parse(output)).toMatchObject({
      rows: 40_002,
      types: {
        time: 'timestamp[ms, tz=UTC]',
        seq: 'int64',
        player: 'string',
        score: 'double',
        raw: 'binary',
      },
      sum: (40_000 * 39_999) / 4,
      player: 'zoë',
      raw: '030000006f646402000000ff00',
      saves: '{"level":49}',
      version: '1.0',
    });
  });
});
