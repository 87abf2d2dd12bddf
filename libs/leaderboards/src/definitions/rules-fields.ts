import {
  type BoardDefinition,
  DEFAULT_DEFINITION,
  type EventId,
  formatEventId,
  parseEventId,
  readDefinition,
} from '#libs/events';

/** The rules of a board in one partition. */
export interface BoardRules {
  /** The event that defined or removed the board. The latest one holds, in whatever order they are delivered. */
  readonly definedBy: EventId | undefined;
  /** Scores count only if they come after this event, which removed or (in a shard) created the board. */
  readonly countsAfter: EventId | undefined;
  /** The same for the board's source: scores of the source count only if they come after this event. */
  readonly sourceCountsAfter: EventId | undefined;
  /** Only in shards outside of the home partition: the event in the home partition that created the board. */
  readonly createdBy: EventId | undefined;
  /**
   * `here`: the scores that the board counts are in this partition; `away`: they are in the partition of its source;
   * `gone`: the board was removed, and the next score creates it again; `left`: the board was in this partition, which is
   * not its home, and has moved away.
   */
  readonly state: 'here' | 'away' | 'gone' | 'left';
  readonly definition: BoardDefinition;
}

export const UNDEFINED_BOARD: BoardRules = {
  definedBy: undefined,
  countsAfter: undefined,
  sourceCountsAfter: undefined,
  createdBy: undefined,
  state: 'here',
  definition: DEFAULT_DEFINITION,
};

export interface Ban {
  readonly by: EventId;
  readonly banned: boolean;
}

export function formatBoard(board: BoardRules): string {
  const { definedBy, countsAfter, sourceCountsAfter, createdBy, state, definition } = board;
  const own = Object.entries(definition).filter(
    ([field, value]) => value !== DEFAULT_DEFINITION[field as keyof BoardDefinition],
  );
  const creation = createdBy ? `/${formatEventId(createdBy)}` : '';
  return `${idOrDash(definedBy)} ${idOrDash(countsAfter)} ${idOrDash(sourceCountsAfter)} ${state}${creation} ${JSON.stringify(Object.fromEntries(own))}`;
}

/** @param text empty for a board that was never defined */
export function parseBoard(text: string): BoardRules {
  if (text === '') return UNDEFINED_BOARD;
  const words = text.split(' ', 4);
  const [definedBy, countsAfter, sourceCountsAfter] = words
    .slice(0, 3)
    .map(word => (word.includes('-', 1) ? parseEventId(word) : undefined));
  const [state, created] = (words[3] ?? '').split('/', 2) as [BoardRules['state'], string?];
  const definition = readDefinition(JSON.parse(text.slice(words.join(' ').length + 1)));
  const createdBy = created === undefined ? undefined : parseEventId(created);
  return { definedBy, countsAfter, sourceCountsAfter, createdBy, state, definition };
}

const idOrDash = (id: EventId | undefined) => (id ? formatEventId(id) : '-');

export const boardField = (board: string) => `b:${board}`;
export const periodsField = (board: string) => `q:${board}`;
export const playerField = (player: string) => `p:${player}`;
export const revocationsField = (board: string, player: string) => `r:${board}/${player}`;

export const formatBan = ({ by, banned }: Ban) => `${formatEventId(by)} ${banned ? 'banned' : 'free'}`;

export function parseBan(text: string): Ban {
  const [by = '', word] = text.split(' ');
  return { by: parseEventId(by), banned: word === 'banned' };
}
