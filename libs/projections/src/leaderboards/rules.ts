import {
  type BoardRules,
  compareEventIds,
  DEFAULT_RULES,
  type EventId,
  formatEventId,
  parseEventId,
} from '#libs/events';

/** A fact and the event that made it one: of two, the later event's holds. No event made what is the default. */
interface Fact<T> {
  readonly by: EventId | undefined;
  readonly value: T;
}

interface Board extends Fact<BoardRules> {
  /** Whether there ever was a score: until then, other rules make no other entries. */
  readonly isPlayed: boolean;
}

/** How the boards of a partition rank, and who is hidden from them: kept as fields of a hash. */
export class LeaderboardRules {
  private readonly boards = new Map<string, Board>();
  private readonly bans = new Map<string, Fact<boolean>>();

  /** @param assumed for folding history: how boards rank in the end, whatever they did meanwhile */
  constructor(
    fields: Readonly<Record<string, string>>,
    private readonly assumed?: LeaderboardRules,
  ) {
    for (const [field, value] of Object.entries(fields)) this.set(field, value);
  }

  /** Boards that have a score or a definition. */
  get names(): string[] {
    return [...this.boards.keys()];
  }

  isPlayed(board: string): boolean {
    return this.boards.get(board)?.isPlayed === true;
  }

  /** The board as it is kept, with its first score. */
  withScore(board: string): string {
    const { value, by } = this.boards.get(board) ?? { value: DEFAULT_RULES, by: undefined };
    return boardText(value, by, true);
  }

  of(board: string): BoardRules {
    return (this.assumed ?? this).boards.get(board)?.value ?? DEFAULT_RULES;
  }

  /** Whether every board ranks as was assumed. */
  get asAssumed(): boolean {
    return [...this.boards].every(([board, { value }]) => sameRules(this.of(board), value));
  }

  isBanned(player: string): boolean {
    return this.bans.get(player)?.value === true;
  }

  /** Whether an event that defines the board comes after the one that did so last. */
  isNewForBoard(board: string, by: EventId): boolean {
    return isLater(by, this.boards.get(board)?.by);
  }

  isNewForPlayer(player: string, by: EventId): boolean {
    return isLater(by, this.bans.get(player)?.by);
  }

  amend(field: string, text: string): void {
    this.set(field, text);
    // Of a board that is new, nothing was assumed; what it is at first, it is for now.
    if (this.assumed && field.startsWith('b:') && !this.assumed.boards.has(field.slice(2)))
      this.assumed.set(field, text);
  }

  private set(field: string, text: string): void {
    const [by = '', ...words] = text.split(' ');
    const name = field.slice(2);
    const id = by === '-' ? undefined : parseEventId(by);
    if (field.startsWith('p:')) this.bans.set(name, { by: id, value: words[0] === 'banned' });
    else {
      const value = { order: words[0], operator: words[1] } as BoardRules;
      this.boards.set(name, { by: id, value, isPlayed: words[2] === 'played' });
    }
  }
}

export const boardField = (board: string) => `b:${board}`;
export const playerField = (player: string) => `p:${player}`;

export const boardText = ({ order, operator }: BoardRules, by: EventId | undefined, isPlayed: boolean) =>
  `${by ? formatEventId(by) : '-'} ${order} ${operator}${isPlayed ? ' played' : ''}`;
export const playerText = (banned: boolean, by: EventId) =>
  `${formatEventId(by)} ${banned ? 'banned' : 'free'}`;

export function sameRules(a: BoardRules, b: BoardRules): boolean {
  return a.order === b.order && a.operator === b.operator;
}

function isLater(a: EventId, b: EventId | undefined): boolean {
  return !b || compareEventIds(a, b) > 0;
}
