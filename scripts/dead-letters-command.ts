import { parseArgs } from 'node:util';
import {
  type DeadLetter,
  DeadLetterNotFoundError,
  type DeadLetters,
  EventGoneError,
} from '#libs/streams-transport';

export const USAGE = `Usage: npm run dead-letters -- <command>

  list [--group <group>]         events that failed every delivery, newest first
  retry <id>                     deliver this one again
  retry --all [--group <group>]  deliver all of them again
  drop <id>                      give this one up: it stays in the log, without effect

The log is in REDIS_URL, or in the embedded Redis of a running \`npm start\`. At a terminal the output is a table,
elsewhere JSON lines (npm run -s dead-letters -- list | jq).`;

/** What was asked for is no command. */
export class UsageError extends Error {
  readonly code = 'USAGE';
  override readonly name = 'UsageError';
}

export type Command =
  | { readonly name: 'list' | 'retry all'; readonly group?: string | undefined }
  | { readonly name: 'retry' | 'drop'; readonly id: string };

/** Where a command says what it did. */
export interface Output {
  /** Lines for people; otherwise JSON lines. */
  readonly terminal: boolean;
  print(line: string): void;
  complain(line: string): void;
}

/** @throws UsageError */
export function parseCommand(args: readonly string[]): Command {
  const { positionals, values } = parse(args);
  const [name, id, ...rest] = positionals;
  const { all, group } = values;
  const single = id !== undefined && !all && group === undefined;
  if (rest.length > 0) throw new UsageError(`what is "${rest[0]}"? One dead letter at a time`);
  if (name === 'list' && id === undefined && !all) return { name, group };
  if (name === 'retry' && all && id === undefined) return { name: 'retry all', group };
  if ((name === 'retry' || name === 'drop') && single) return { name, id };
  const known = name === 'list' || name === 'retry' || name === 'drop';
  throw new UsageError(known ? `"${name}" goes with other arguments` : `"${name ?? ''}" is no command`);
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
 * @returns the exit status: 1 when something could not be done
 * @throws the errors of `DeadLetters`
 */
export async function runCommand(command: Command, letters: DeadLetters, output: Output): Promise<number> {
  switch (command.name) {
    case 'list':
      return list(letters, command.group, output);
    case 'retry all':
      return retryAll(letters, command.group, output);
    case 'retry':
      report(await letters.retry(command.id), 'retrying', output);
      return 0;
    case 'drop':
      report(await letters.drop(command.id), 'dropped', output);
      return 0;
  }
}

async function list(letters: DeadLetters, group: string | undefined, output: Output): Promise<number> {
  const rows = [['ID', 'EVENT', 'TYPE', 'AT', 'DELIVERIES', 'ERROR']];
  for await (const letter of each(letters, group)) {
    if (output.terminal) rows.push(toRow(letter));
    else output.print(JSON.stringify(letter));
  }
  if (output.terminal && rows.length === 1) output.print('no dead letters');
  else if (output.terminal) for (const line of align(rows)) output.print(line);
  return 0;
}

async function retryAll(letters: DeadLetters, group: string | undefined, output: Output): Promise<number> {
  let status = 0;
  for await (const { id } of each(letters, group)) {
    try {
      report(await letters.retry(id), 'retrying', output);
    } catch (error) {
      if (!(error instanceof EventGoneError || error instanceof DeadLetterNotFoundError)) throw error;
      output.complain(`${id}: ${error.message}`);
      status = 1;
    }
  }
  return status;
}

/** All that are there now. One that is retried and fails again meanwhile is newer, and not met a second time. */
async function* each(letters: DeadLetters, group: string | undefined): AsyncGenerator<DeadLetter, void> {
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

function report(
  { id, eventId }: { id: string; eventId: string },
  status: 'retrying' | 'dropped',
  output: Output,
): void {
  output.print(output.terminal ? `${status} ${eventId} (${id})` : JSON.stringify({ id, eventId, status }));
}

function toRow({ id, eventId, event, at, deliveries, code, error }: DeadLetter): string[] {
  const [reason = ''] = `${code}: ${error}`.split('\n');
  return [id, eventId, event?.type ?? '-', at, String(deliveries), reason];
}

/** Columns as wide as their widest cell; the last one as it is. */
function align(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map(row => row[column]?.length ?? 0));
  const widths = (rows[0] ?? []).map((_, column) => width(column));
  return rows.map(row =>
    row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell)).join('  '),
  );
}
