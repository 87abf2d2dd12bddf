import { Injectable } from '@nestjs/common';
import { type Appended, EventLog } from '#libs/event-log';
import type { Envelope } from '#libs/leaderboards';
import { type SaveQuery, SaveReader, SaveSearch } from '#libs/saves';
import { BulkGate } from '../limits/bulk-gate.js';
import type { DocumentKind } from './document-kind.js';

/** Documents in a list, at most. `total` counts all. */
const MAX_LISTED = 100;
/** A list takes no further documents after this many characters. */
const MAX_LIST_CHARACTERS = 4 * 1024 * 1024;
/** Documents that are read at a time. */
const CONCURRENT_READS = 10;

/** The game's documents: saves in slots of their own. */
@Injectable()
export class DocumentsService {
  constructor(
    private readonly saves: SaveReader,
    private readonly search: SaveSearch,
    private readonly log: EventLog,
    private readonly gate: BulkGate,
  ) {}

  async find(player: string, { slot }: DocumentKind): Promise<string | undefined> {
    return (await this.saves.find(player, slot))?.document;
  }

  /** Creates the document, or replaces it. */
  write(player: string, { slot }: DocumentKind, document: string, envelope: Envelope): Promise<Appended> {
    return this.log.append({ type: 'SaveWritten', data: { player, slot, document }, ...envelope });
  }

  /** @throws VersionConflictError when there is none. The log decides that, and not the projection, which can be behind */
  replace(player: string, { slot }: DocumentKind, document: string, envelope: Envelope): Promise<Appended> {
    const event = { type: 'SaveWritten', data: { player, slot, document }, ...envelope } as const;
    return this.log.append(event, { expectedVersion: 'existing' });
  }

  /** @throws VersionConflictError when there is none */
  delete(player: string, { slot }: DocumentKind, envelope: Envelope): Promise<Appended> {
    const event = { type: 'SaveDeleted', data: { player, slot }, ...envelope } as const;
    return this.log.append(event, { expectedVersion: 'existing' });
  }

  /** @returns JSON with the documents as they were sent */
  list(kind: DocumentKind, query: Omit<SaveQuery, 'limit'>): Promise<string> {
    // One player's document is a single read. A list without a player can read several megabytes.
    return query.player === undefined ? this.gate.run(() => this.read(kind, query)) : this.read(kind, query);
  }

  private async read({ slot, prefix }: DocumentKind, query: Omit<SaveQuery, 'limit'>): Promise<string> {
    const { players, total } = await this.search.find(slot, { ...query, limit: MAX_LISTED });
    const listed: string[] = [];
    let length = 0;
    for (let at = 0; at < players.length && length < MAX_LIST_CHARACTERS; at += CONCURRENT_READS) {
      const found = await this.documents(players.slice(at, at + CONCURRENT_READS), slot);
      for (const { player, document } of found) {
        listed.push(`{"id":${JSON.stringify(prefix + player)},"value":${document}}`);
        length += document.length;
      }
    }
    return `{"total":${total},"documents":[${listed.join()}]}`;
  }

  /** The documents that still exist. */
  private async documents(players: readonly string[], slot: string) {
    const saves = await Promise.all(players.map(player => this.saves.find(player, slot)));
    return players.flatMap((player, i) => {
      const save = saves[i];
      return save ? [{ player, document: save.document }] : [];
    });
  }
}
