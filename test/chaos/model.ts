import { type BoardDefinition, DEFAULT_DEFINITION, type EventType } from '#libs/events';

/** What of a definition the model knows. */
export type BoardRules = Pick<BoardDefinition, 'order' | 'operator'>;

/** An acknowledged write, and what its event must say. */
export interface Acknowledged {
  readonly eventId: string;
  readonly type: EventType;
  readonly data: object;
  readonly version?: number;
}

/** What a player's scores on a board make together, since they were last revoked. */
export interface Tally {
  readonly count: number;
  readonly sum: number;
  readonly highest: number;
  readonly lowest: number;
  readonly last: number;
}

/** A player on a board. */
export interface Entry {
  /** Nothing while there are no scores, or none that count. */
  tally: Tally | undefined;
  /** Acknowledged events that no read has shown yet, in order. */
  unseen: string[];
}

export interface Save {
  readonly version: number;
  readonly document: string;
}

export interface Board {
  readonly name: string;
  /** The definition that was acknowledged last. */
  rules: BoardRules;
  /** All that the board may rank by at this moment: a redefined board ranks by the old rules for a while. */
  readonly possible: BoardRules[];
  readonly entries: Map<string, Entry>;
}

/** What the system must show, by all that it has acknowledged. Exact because every player has one writer. */
export class Model {
  readonly acknowledged: Acknowledged[] = [];
  readonly boards: ReadonlyMap<string, Board>;
  readonly banned = new Set<string>();
  /** By `player/slot`. */
  readonly saves = new Map<string, Save>();
  /** player -> the last ban, or the end of one */
  private readonly moderations = new Map<string, string>();

  constructor(boards: readonly string[]) {
    this.boards = new Map(
      boards.map(name => [
        name,
        { name, rules: DEFAULT_DEFINITION, possible: [DEFAULT_DEFINITION], entries: new Map() },
      ]),
    );
  }

  board(name: string): Board {
    const board = this.boards.get(name);
    if (!board) throw new RangeError(`there is no board ${name}`);
    return board;
  }

  entry(board: string, player: string): Entry {
    const { entries } = this.board(board);
    const moderation = this.moderations.get(player);
    const entry = entries.get(player) ?? { tally: undefined, unseen: moderation ? [moderation] : [] };
    entries.set(player, entry);
    return entry;
  }

  scored(eventId: string, board: string, player: string, score: number): void {
    const entry = this.entry(board, player);
    entry.tally = count(entry.tally, score);
    entry.unseen.push(eventId);
    this.acknowledge('ScoreSubmitted', eventId, { board, player, score });
  }

  revoked(eventId: string, board: string, player: string): void {
    const entry = this.entry(board, player);
    entry.tally = undefined;
    entry.unseen.push(eventId);
    this.acknowledge('EntryRevoked', eventId, { board, player });
  }

  moderated(eventId: string, player: string, banned: boolean): void {
    if (banned) this.banned.add(player);
    else this.banned.delete(player);
    this.moderations.set(player, eventId);
    for (const { entries } of this.boards.values()) entries.get(player)?.unseen.push(eventId);
    this.acknowledge(banned ? 'PlayerBanned' : 'PlayerUnbanned', eventId, { player });
  }

  /** A definition that has taken effect before anybody else knows the board. */
  definedFirst(eventId: string, board: string, rules: BoardRules): void {
    this.board(board).possible.splice(0);
    this.defining(board, rules);
    this.defined(eventId, board, rules);
  }

  /** Before a definition is sent: from now on the board may rank so. */
  defining(board: string, rules: BoardRules): void {
    const { possible } = this.board(board);
    const known = possible.some(
      ({ order, operator }) => order === rules.order && operator === rules.operator,
    );
    if (!known) possible.push(rules);
  }

  defined(eventId: string, board: string, rules: BoardRules): void {
    this.board(board).rules = rules;
    this.acknowledge('BoardDefined', eventId, { board, definition: { ...DEFAULT_DEFINITION, ...rules } });
  }

  saved(eventId: string, player: string, slot: string, save: Save): void {
    this.saves.set(`${player}/${slot}`, save);
    const { document, version } = save;
    this.acknowledged.push({ eventId, type: 'SaveWritten', data: { player, slot, document }, version });
  }

  /** The scores that a read may show now, once it shows all that is acknowledged. Nothing: the player is not there. */
  expected(board: string, player: string): readonly (number | undefined)[] {
    const { tally } = this.entry(board, player);
    if (!tally || this.banned.has(player)) return [undefined];
    return this.board(board).possible.map(rules => scoreOf(rules, tally));
  }

  /** Who must be on the board in the end. */
  standings(board: string): Map<string, number> {
    const { rules, entries } = this.board(board);
    const standings = new Map<string, number>();
    for (const [player, { tally }] of entries) {
      if (tally && !this.banned.has(player)) standings.set(player, scoreOf(rules, tally));
    }
    return standings;
  }

  /** How many writes were acknowledged, by the type of their event. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { type } of this.acknowledged) counts[type] = (counts[type] ?? 0) + 1;
    return counts;
  }

  private acknowledge(type: EventType, eventId: string, data: object): void {
    this.acknowledged.push({ eventId, type, data });
  }
}

function count(tally: Tally | undefined, score: number): Tally {
  if (!tally) return { count: 1, sum: score, highest: score, lowest: score, last: score };
  return {
    count: tally.count + 1,
    sum: tally.sum + score,
    highest: Math.max(tally.highest, score),
    lowest: Math.min(tally.lowest, score),
    last: score,
  };
}

function scoreOf({ order, operator }: BoardRules, tally: Tally): number {
  if (operator === 'sum') return tally.sum;
  if (operator === 'latest') return tally.last;
  return order === 'desc' ? tally.highest : tally.lowest;
}
