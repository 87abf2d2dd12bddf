import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { type Appended, formatEventRef } from '#libs/event-log';
import type { Actor } from '#libs/events';
import { isRedisUnavailable, troubleOf } from '#libs/redis';
import { toProblem } from '../http/problem.filter.js';
import { badRequest, Problem, type ProblemBody } from '../http/problem.js';
import { stopReading } from '../http/server/body-encoding.js';
import { withValue } from '../http/validation/field-rules.js';
import { LatestEvent } from './latest-event.js';
import { type Line, LineSplitter } from './line-splitter.js';
import { readItem } from './score-item.js';
import type { Score } from './score-rules.js';
import { ScoreSubmitter } from './score-submitter.js';

/** The longest line. */
const MAX_LINE_BYTES = 64 * 1024;
/** Lines that are appended together. Meanwhile the next chunk is read, and no more than that. */
const CHUNK_LINES = 1_000;
/** Lines that are split in one turn of the event loop, and bytes that are split at a time. */
const TURN_LINES = 5_000;
const PART_BYTES = 16 * 1024;
/** Characters of a chunk, unless a single line has more. */
const CHUNK_CHARACTERS = 1024 * 1024;
/** Lines, and characters, that are parsed in one turn of the event loop. */
const TURN_READS = 100;
const TURN_CHARACTERS = 128 * 1024;
const SHOWN_ERRORS = 100;

/** A parsed line: a score, or what is wrong with it. */
interface ReadLine {
  readonly line: number;
  readonly score: Score | Problem;
}

/** The result of an import. */
interface Report {
  accepted: number;
  replayed: number;
  rejected: number;
  lastEventId?: string;
  readonly errors: (ProblemBody & { readonly line: number })[];
}

/** The context of every chunk of an import. */
interface Taking {
  readonly report: Report;
  readonly events: LatestEvent;
  readonly caller: Actor;
  readonly trace: string | undefined;
}

/** Imports scores, one for each line. It reads no faster than the log accepts them. */
@Injectable()
export class ScoreImport {
  constructor(private readonly submitter: ScoreSubmitter) {}

  /**
   * @throws Problem 503 when Redis goes away. It names the line to resume from
   * @throws Problem 400 when the client goes away
   */
  async run(source: Readable, caller: Actor, trace?: string): Promise<Report> {
    const report: Report = { accepted: 0, replayed: 0, rejected: 0, errors: [] };
    const events = new LatestEvent();
    let taking: Promise<void> = Promise.resolve();
    for await (const lines of chunksOf(source)) {
      const chunk: ReadLine[] = [];
      let read = TURN_CHARACTERS;
      for (const [i, line] of lines.entries()) {
        // The previous chunk is sent at the end of a turn, and other requests need their turns, too.
        if (i % TURN_READS === 0 || read >= TURN_CHARACTERS) {
          await nextTurn();
          read = 0;
        }
        read += line.text?.length ?? 0;
        chunk.push({ line: line.number, score: readLine(line, caller) });
      }
      // One chunk after the other, so that scores of a board are appended in the order of their lines.
      await taking;
      taking = this.take(chunk, { report, events, caller, trace });
      // The next iteration awaits it. If the source fails before that, its rejection must not be unhandled.
      taking.catch(() => {});
    }
    await taking;
    const { ref } = events;
    return { ...report, ...(ref && { lastEventId: formatEventRef(ref) }) };
  }

  private async take(chunk: readonly ReadLine[], { report, events, caller, trace }: Taking): Promise<void> {
    const scores = chunk.map(({ score }) => score);
    const outcomes = await this.submitter.submitAll(scores, caller, trace).catch(error => {
      // Nothing of the chunk was appended: reading the definitions failed before that.
      if (isRedisUnavailable(error)) return scores.map(() => error as Error);
      throw error;
    });
    let failed: { readonly line: number; readonly why: string } | undefined;
    for (const [i, { line }] of chunk.entries()) {
      const outcome = outcomes[i] as Appended | Error;
      const trouble = troubleOf(outcome);
      if (trouble) failed ??= { line, why: trouble.detail };
      else {
        count(report, line, outcome);
        if (!(outcome instanceof Error)) events.add(outcome);
      }
    }
    if (failed) throw brokenOff(report, failed.line, failed.why);
  }
}

function count(report: Report, line: number, outcome: Appended | Error): void {
  if (!(outcome instanceof Error)) {
    if (outcome.replayed) report.replayed += 1;
    else report.accepted += 1;
    return;
  }
  report.rejected += 1;
  if (report.errors.length < SHOWN_ERRORS) report.errors.push({ line, ...toProblem(outcome).brief });
}

function brokenOff({ accepted, replayed }: Report, line: number, why: string): Problem {
  return new Problem(503, {
    code: 'unavailable',
    detail:
      `${why}; ${accepted} scores were accepted and ${replayed} replayed so far: ` +
      `go on from line ${line}. Some of the ${CHUNK_LINES} lines from there on may have been accepted: ` +
      'those with an idempotencyKey will not count twice',
    headers: { 'Retry-After': '1' },
  });
}

/** Chunks of the lines that are not blank. */
async function* chunksOf(source: Readable): AsyncGenerator<readonly Line[]> {
  const splitter = new LineSplitter(MAX_LINE_BYTES);
  let chunk: Line[] = [];
  let characters = 0;
  for await (const lines of linesOf(source, splitter)) {
    for (const line of lines) {
      if (line.text?.trim() === '') continue;
      chunk.push(line);
      characters += line.text?.length ?? 0;
      if (chunk.length < CHUNK_LINES && characters < CHUNK_CHARACTERS) continue;
      yield chunk;
      [chunk, characters] = [[], 0];
    }
  }
  if (chunk.length > 0) yield chunk;
}

async function* linesOf(source: Readable, splitter: LineSplitter): AsyncGenerator<readonly Line[]> {
  try {
    // Destroying the request would destroy the response, too.
    let cut = 0;
    for await (const piece of source.iterator({ destroyOnReturn: false }))
      for (const part of partsOf(piece as Buffer)) {
        const lines = splitter.push(part);
        yield lines;
        cut += lines.length;
        // A piece can have tens of thousands of lines, for example blank ones.
        if (cut < TURN_LINES) continue;
        await nextTurn();
        cut = 0;
      }
  } catch (error) {
    throw error instanceof Problem ? error : badRequest('the body broke off');
  } finally {
    // Some clients read the answer only after they have sent everything, so the rest must be read.
    stopReading(source);
  }
  yield splitter.end();
}

function readLine({ text }: Line, caller: Actor): Score | Problem {
  if (text === undefined) return badRequest(`the line is longer than ${MAX_LINE_BYTES} bytes, or not UTF-8`);
  let value: unknown;
  try {
    // Concatenated files can have a byte order mark at the start of any line.
    value = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  } catch {
    return badRequest(withValue('the line must be a score as JSON, such as {"board":"b","score":1}', text));
  }
  return readItem(value, caller);
}

function* partsOf(piece: Buffer): Generator<Buffer> {
  for (let at = 0; at < piece.length; at += PART_BYTES) yield piece.subarray(at, at + PART_BYTES);
}
