import { parseArgs } from 'node:util';
import {
  type DeadLetter,
  DeadLetterNotFoundError,
  type DeadLetters,
  EventGoneError,
} from '#libs/streams-transport';

export const USAGE = `Usage: npm run dead-letters -- <command>

  list [--group <group>]         list dead letters, newest first
  retry <id>                     deliver the event of this dead letter again
  retry --all [--group <group>]  deliver the events of all dead letters again
  drop <id>                      drop this dead letter: its event stays in the log, without effect

The log is in REDIS_URL, or in the embedded Redis of a running \`npm start\`. The output is a table at a terminal and JSON
lines elsewhere (npm run -s dead-letters -- list | jq).`;

/** The arguments are not a valid command. */
export class UsageError extends Error {
  readonly code = 'USAGE';
  override readonly name = 'UsageError';
}

export type Command =
  | { readonly name: 'list' | 'retry all'; readonly group?: string | undefined }
  | { readonly name: 'retry' | 'drop'; readonly id: string };

/** Where a command prints its results. */
export interface Output {
  /** True for tables and text, false for JSON lines. */
  readonly isTerminal: boolean;
  print(line: string): void;
  printError(line: string): void;
}

/** @throws UsageError */
export function parseCommand(args: readonly string[]): Command {
  const { positionals, values } = parse(args);
  const [name, id, ...rest] = positionals;
  const { all, group } = values;
  const single = id !== undefined && !all && group === undefined;
  if (rest.length > 0)
    throw new UsageError(`unexpected argument "${rest[0]}": give one id, or use retry --all`);
  if (name === 'list' && id === undefined && !all) return { name, group };
  if (name === 'retry' && all && id === undefined) return { name: 'retry all', group };
  if ((name === 'retry' || name === 'drop') && single) return { name, id };
  const known = name === 'list' || name === 'retry' || name === 'drop';
  throw new UsageError(
    known ? `wrong arguments for "${name}"` : `unknown command "${name ?? ''}": use list, retry, or drop`,
  );
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { all: { type: 'boolean' }, group: { type: 'string' } },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/**
 * @returns the exit status: 1 when a dead letter could not be retried
 * @throws the errors of `DeadLetters`
 */
export async function runCommand(command: Command, letters: DeadLetters, output: Output): Promise<number> {
  switch (command.name) {
    case 'list':
      return list(letters, command.group, output);
    case 'retry all':
      return retryAll(letters, command.group, output);
    case 'retry':
      printResult(await letters.retry(command.id), 'retrying', output);
      return 0;
    case 'drop':
      printResult(await letters.drop(command.id), 'dropped', output);
      return 0;
  }
}

async function list(letters: DeadLetters, group: string | undefined, output: Output): Promise<number> {
  const rows = [['ID', 'EVENT', 'TYPE', 'AT', 'DELIVERIES', 'ERROR']];
  for await (const letter of listAll(letters, group)) {
    if (output.isTerminal) rows.push(toRow(letter));
    else output.print(JSON.stringify(letter));
  }
  if (output.isTerminal && rows.length === 1) output.print('no dead letters');
  else if (output.isTerminal) for (const line of alignColumns(rows)) output.print(line);
  return 0;
}

async function retryAll(letters: DeadLetters, group: string | undefined, output: Output): Promise<number> {
  let status = 0;
  for await (const { id } of listAll(letters, group)) {
    try {
      printResult(await letters.retry(id), 'retrying', output);
    } catch (error) {
      if (!(error instanceof EventGoneError || error instanceof DeadLetterNotFoundError)) throw error;
      output.printError(`${id}: ${error.message}`);
      status = 1;
    }
  }
  return status;
}

/** Yields all current dead letters, newest first. Those that are created meanwhile are newer, so they are not included. */
async function* listAll(letters: DeadLetters, group: string | undefined): AsyncGenerator<DeadLetter, void> {
  for (let cursor: string | undefined; ; ) {
    const page = await letters.list({
      limit: 100,
      ...(group !== undefined && { group }),
      ...(cursor !== undefined && { cursor }),
    });
    yield* page.deadLetters;
    cursor = page.next;
    if (cursor === undefined) return;
  }
}

function printResult(
  { id, eventId }: { id: string; eventId: string },
  status: 'retrying' | 'dropped',
  output: Output,
): void {
  output.print(output.isTerminal ? `${status} ${eventId} (${id})` : JSON.stringify({ id, eventId, status }));
}

function toRow({ id, eventId, event, at, deliveries, code, error }: DeadLetter): string[] {
  const [reason = ''] = `${code}: ${error}`.split('\n');
  return [id, eventId, event?.type ?? '-', at, String(deliveries), reason];
}

/** Pads each cell to the width of its column, except in the last column. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map(row => row[column]?.length ?? 0));
  const widths = (rows[0] ?? []).map((_, column) => width(column));
  return rows.map(row =>
    row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell)).join('  '),
  );
}
