import { isDeepStrictEqual } from 'node:util';
import {
  type AttributeFilter,
  type Attributes,
  type BoardDefinition,
  compareEventIds,
  DEFAULT_DEFINITION,
  DEFAULT_KEEP_PERIODS,
  type EventId,
  formatEventId,
  parseEventId,
  type RecordedEvent,
  readDefinition,
  timeOf,
} from '#libs/events';
import type { Fields, StateKeys, Target } from '#libs/projections';
import { runsKey } from '../keys.js';
import { type Periods, periodsOf } from './periods.js';

/** The one period of a board that is never reset. */
export const EVER = '-';

/** What a partition knows of a board. */
export interface Board {
  /** The event that said so: of two, the later one's word holds. */
  readonly by: EventId | undefined;
  /** The event that removed what had been scored on the board until then. */
  readonly from: EventId | undefined;
  /** The event that removed what had been scored until then on the board whose scores it counts. */
  readonly since: EventId | undefined;
  /** Of shards that are in other partitions than the board's own: since which event, `from` says where in this one. */
  readonly born: EventId | undefined;
  /**
   * `here`; or `away`: its scores are another board's; or `gone`: removed, until a score makes it anew; or `left`: it was
   * here besides its own partition, and is no more.
   */
  readonly state: 'here' | 'away' | 'gone' | 'left';
  readonly definition: BoardDefinition;
}

const UNDEFINED: Board = {
  by: undefined,
  from: undefined,
  since: undefined,
  born: undefined,
  state: 'here',
  definition: DEFAULT_DEFINITION,
};

/** A board that counts the scores of some board, itself or another. */
interface Feed extends Board {
  readonly board: string;
  readonly periods: Periods | undefined;
}

interface Ban {
  readonly by: EventId;
  readonly banned: boolean;
}

/** How the boards of a partition rank, what counts there, and who is hidden: kept as fields of a hash. */
export class LeaderboardRules {
  private readonly boards = new Map<string, Board>();
  /** The periods in which a board has scores, in their order. */
  private readonly periods = new Map<string, readonly string[]>();
  private readonly bans = new Map<string, Ban>();
  private readonly revocations = new Map<string, number>();
  private readonly feeds = new Map<string, readonly Feed[]>();

  /**
   * @param assumed for folding history: what boards are in the end, whatever they were meanwhile
   * @param only the boards that are folded, if not all: of others, not every event is read
   */
  constructor(
    fields: Fields,
    private readonly assumed?: LeaderboardRules,
    private readonly only?: readonly string[],
  ) {
    for (const [field, text] of Object.entries(fields)) this.set(field, text);
  }

  get isAssuming(): boolean {
    return this.assumed !== undefined;
  }

  /** By which entries are judged. */
  definitionOf(board: string): BoardDefinition {
    return (this.assumed ?? this).board(board).definition;
  }

  /** What is known of the board by now. */
  board(board: string): Board {
    return this.boards.get(board) ?? UNDEFINED;
  }

  periodsOf(board: string): readonly string[] {
    return this.periods.get(board) ?? [];
  }

  isKnown(board: string): boolean {
    return this.boards.has(board) || this.periods.has(board);
  }

  /** Where a score counts. */
  targets(event: RecordedEvent<'ScoreSubmitted'>, keys: StateKeys): Target[] {
    const { id, data } = event;
    const targets: Target[] = [];
    for (const { board, definition, from, since, periods } of this.fedBy(data.board)) {
      const removal = board === data.board ? from : since;
      if (removal && compareEventIds(id, removal) <= 0) continue;
      if (definition.filter && !passes(definition.filter, data.attributes)) continue;
      const period = periods?.at(timeOf(event));
      if (period !== undefined && this.isExpired(board, period)) continue;
      targets.push({ address: { key: runsKey(keys, board, period), field: data.player }, board, period });
    }
    return targets;
  }

  /** The player's places on a board and on those that count its scores, or, without a board, on all. */
  placesOf(player: string, keys: StateKeys, source?: string): Target[] {
    const boards =
      source === undefined ? [...this.periods.keys()] : this.fedBy(source).map(({ board }) => board);
    return boards.flatMap(board =>
      this.periodsOf(board).map(name => {
        const period = name === EVER ? undefined : name;
        return { address: { key: runsKey(keys, board, period), field: player }, board, period };
      }),
    );
  }

  isOpen(board: string, period = EVER): boolean {
    const open = this.periods.get(board);
    return open !== undefined && (open.at(-1) === period || open.includes(period));
  }

  /** The periods of the board when this one is open, too. */
  opened(board: string, period = EVER): { open: readonly string[]; expired: readonly string[] } {
    const all = [...this.periodsOf(board), period].sort();
    const excess = Math.max(0, all.length - this.keptPeriods(board) - 1);
    return { open: all.slice(excess), expired: all.slice(0, excess) };
  }

  isBanned(player: string): boolean {
    return this.bans.get(player)?.banned === true;
  }

  revocationsOf(board: string, player: string): number {
    // Mostly there are none, and this is asked for every event.
    return this.revocations.size === 0 ? 0 : (this.revocations.get(`${board}/${player}`) ?? 0);
  }

  /** Fields that are the player's own. */
  fieldsOf(player: string): string[] {
    const places = [...this.revocations.keys()].filter(place => place.endsWith(`/${player}`));
    return [...(this.bans.has(player) ? [playerField(player)] : []), ...places.map(place => `r:${place}`)];
  }

  /** Whether an event about the player comes after the one that is known. */
  isNewForPlayer(player: string, by: EventId): boolean {
    return isAfter(by, this.bans.get(player)?.by);
  }

  /** Whether what was assumed of the boards that are folded came true. */
  get asAssumed(): boolean {
    const boards = this.only ?? [...this.boards.keys(), ...(this.assumed?.boards.keys() ?? [])];
    return boards.every(board => isSameShape((this.assumed ?? this).board(board), this.board(board)));
  }

  /** @returns the fields of boards that are assumed from now on, where nothing was assumed */
  amend(fields: Fields): Fields {
    return Object.fromEntries(
      Object.entries(fields).filter(([field, text]) => {
        const isAdopted = field[0] === 'b' && this.canAdopt(field.slice(2), text);
        if (isAdopted) this.assumed?.set(field, text);
        this.set(field, text);
        return isAdopted;
      }),
    );
  }

  /** Without scores nothing was folded, so the definition of a board can be assumed from here on. */
  private canAdopt(name: string, text: string | undefined): boolean {
    if (!this.assumed || this.assumed.boards.has(name)) return false;
    const { source = name } = parseBoard(text ?? '').definition;
    // The scores of a source that is not folded itself may have been left out: nobody knew that they count.
    const isRead = source === name || !this.only || this.only.includes(source);
    const concerned = [name, source, ...this.fedBy(name).map(({ board }) => board)];
    return isRead && !concerned.some(other => this.isKnown(other));
  }

  private set(field: string, text: string | undefined): void {
    const name = field.slice(2);
    switch (field[0]) {
      case 'b':
        this.boards.set(name, parseBoard(text ?? ''));
        this.feeds.clear();
        break;
      case 'q':
        if (text === undefined) this.periods.delete(name);
        else this.periods.set(name, text.split(' '));
        break;
      case 'p':
        if (text === undefined) this.bans.delete(name);
        else this.bans.set(name, parseBan(text));
        break;
      case 'r':
        if (text === undefined) this.revocations.delete(name);
        else this.revocations.set(name, Number(text));
    }
  }

  /** Boards that by now count the scores of another. */
  derivedFrom(source: string): string[] {
    return [...this.boards].flatMap(([name, board]) =>
      name !== source && board.definition.source === source && isHere(board) ? [name] : [],
    );
  }

  private fedBy(source: string): readonly Feed[] {
    const known = this.assumed ?? this;
    let feeds = known.feeds.get(source);
    if (!feeds) {
      const { definition, state } = known.board(source);
      const hasOwn = definition.source === undefined && state !== 'left';
      feeds = [...known.derivedFrom(source), ...(hasOwn ? [source] : [])].map(name =>
        toFeed(name, known.board(name)),
      );
      known.feeds.set(source, feeds);
    }
    return feeds;
  }

  private keptPeriods(board: string): number {
    return this.definitionOf(board).keepPeriods ?? DEFAULT_KEEP_PERIODS;
  }

  private isExpired(board: string, period: string): boolean {
    const open = this.periodsOf(board);
    return open.length > this.keptPeriods(board) && period < (open[0] ?? '');
  }
}

const isHere = ({ state }: Board) => state === 'here';

function toFeed(board: string, known: Board): Feed {
  const { reset, timezone } = known.definition;
  return { board, ...known, periods: reset === undefined ? undefined : periodsOf(reset, timezone) };
}

function passes(filter: AttributeFilter, attributes: Attributes = {}): boolean {
  return Object.entries(filter).every(([name, wanted]) => {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    return value !== undefined && (Array.isArray(wanted) ? wanted.includes(value) : wanted === value);
  });
}

/** Whether two boards make the same entries of the same scores. */
export function isSameShape(a: Board, b: Board): boolean {
  return isDeepStrictEqual(shapeOf(a), shapeOf(b));
}

/** Whether entries under one definition can be ranked among entries under the other. */
export function ranksAlike(a: BoardDefinition, b: BoardDefinition): boolean {
  const own = ({ order, operator, reset, timezone, tieBreak, source, filter }: BoardDefinition) => ({
    ...{ order, operator, reset, timezone, tieBreak, source, filter },
  });
  return isDeepStrictEqual(own(a), own(b));
}

function shapeOf({ from, since, state, definition }: Board) {
  const { order, operator, reset, timezone, tieBreak, ranking, source, filter } = definition;
  // A board that is gone is what a score would make it.
  const counts =
    state === 'away' || state === 'left'
      ? 'nothing'
      : { source, filter, removal: source === undefined ? from : since };
  const keepPeriods = reset === undefined ? undefined : (definition.keepPeriods ?? DEFAULT_KEEP_PERIODS);
  const hasLevels = ranking === 'dense';
  return { order, operator, reset, timezone, keepPeriods, tieBreak, hasLevels, counts };
}

export function formatBoard({ by, from, since, born, state, definition }: Board): string {
  const own = Object.entries(definition).filter(
    ([field, value]) => value !== DEFAULT_DEFINITION[field as keyof BoardDefinition],
  );
  const birth = born ? `/${formatEventId(born)}` : '';
  return `${optional(by)} ${optional(from)} ${optional(since)} ${state}${birth} ${JSON.stringify(Object.fromEntries(own))}`;
}

/** @param text empty for a board that nobody defined */
export function parseBoard(text: string): Board {
  if (text === '') return UNDEFINED;
  const words = text.split(' ', 4);
  const [by, from, since] = words
    .slice(0, 3)
    .map(word => (word.includes('-', 1) ? parseEventId(word) : undefined));
  const [state, born] = (words[3] ?? '').split('/', 2) as [Board['state'], string?];
  const definition = readDefinition(JSON.parse(text.slice(words.join(' ').length + 1)));
  return { by, from, since, born: born === undefined ? undefined : parseEventId(born), state, definition };
}

const optional = (id: EventId | undefined) => (id ? formatEventId(id) : '-');

export const boardField = (board: string) => `b:${board}`;
export const periodsField = (board: string) => `q:${board}`;
export const playerField = (player: string) => `p:${player}`;
export const revocationsField = (board: string, player: string) => `r:${board}/${player}`;

export const formatBan = ({ by, banned }: Ban) => `${formatEventId(by)} ${banned ? 'banned' : 'free'}`;

function parseBan(text: string): Ban {
  const [by = '', word] = text.split(' ');
  return { by: parseEventId(by), banned: word === 'banned' };
}

function isAfter(a: EventId, b: EventId | undefined): boolean {
  return !b || compareEventIds(a, b) > 0;
}
