import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  type Appended,
  type AppendOptions,
  AppliedWaiter,
  EventLog,
  NotReplayedError,
  Topology,
  VersionConflictError,
  VersionReader,
} from '#libs/event-log';
import { type JsonObject, type RecordedEvent, timeOf } from '#libs/events';
import type { Envelope } from '#libs/leaderboards';
import { SaveReader } from '#libs/saves';
import { notFound, unavailable } from '../http/problem.js';
import { appendIf, type Head, isMet } from '../http/writes/conditional-write.js';
import type { WriteCondition } from '../http/writes/write-headers.js';

/** How often a patch is applied again when others write the slot at the same time. */
const ATTEMPTS = 20;
/** The longest random pause before another attempt, so that colliding writers spread out. */
const MAX_RETRY_DELAY_MS = 20;
/** How long a read waits for the list of versions to catch up with the log. */
const MAX_LIST_DELAY_MS = 1_000;

export interface SlotId {
  readonly player: string;
  readonly slot: string;
}

export type SaveEvent = RecordedEvent<'SaveWritten' | 'SaveDeleted'>;

/** What a version holds. */
export interface SaveContent {
  readonly document: string;
  readonly meta?: JsonObject | undefined;
  /** Whether the request has the meta, so that a repeat must have the same. */
  readonly isMetaSent?: boolean;
}

/** A change of the current document. */
export interface Revision {
  /** The request as text. An idempotency key is compared with it, because the document depends on the current one. */
  readonly request: string;
  readonly condition: WriteCondition;
  /** Without it, that of the current version stays. */
  readonly meta: JsonObject | undefined;
  /** @throws Problem when it does not fit the document */
  revise(document: string): Promise<string>;
}

/** Reads and writes saves in the log itself: current versions that no projection has yet, and past ones. */
@Injectable()
export class SaveLog {
  constructor(
    private readonly versions: VersionReader,
    private readonly saves: SaveReader,
    private readonly log: EventLog,
    private readonly progress: AppliedWaiter,
    private readonly topology: Topology,
  ) {}

  /** The event of the latest version, which can be a deletion; nothing when the slot was never used. */
  async head({ player, slot }: SlotId): Promise<SaveEvent | undefined> {
    return (await this.versions.head('players', player, slot)) as SaveEvent | undefined;
  }

  /** The version of the current document; nothing when there is none. */
  async currentHead(id: SlotId): Promise<Head | undefined> {
    const head = await this.head(id);
    if (head?.type !== 'SaveWritten' || head.version === undefined) return undefined;
    return { version: head.version, at: timeOf(head) };
  }

  /**
   * @returns the event of the version; nothing when there is no such version
   * @throws Problem 503 when the list of versions does not have it yet
   */
  private async version({ player, slot }: SlotId, version: number): Promise<SaveEvent | undefined> {
    const listed = async () => (await this.saves.history(player, slot, version, 1))[0];
    let found = await listed();
    if (!found) {
      const head = await this.head({ player, slot });
      if (head?.version === undefined || head.version < version) return undefined;
      if (head.version === version) return head;
      const { partition } = this.topology.of('players', player);
      const isApplied = await this.progress.whenApplied(
        { stream: 'players', partition, id: head.id },
        MAX_LIST_DELAY_MS,
      );
      if (!isApplied) throw unavailable(`version ${version} cannot be found yet; try again`);
      found = await listed();
    }
    return found && this.event(player, found.id);
  }

  /**
   * The event of a version with a document.
   *
   * @throws Problem 404 when there is no such version, or it is a deletion; 503 as `version`
   */
  async document(id: SlotId, version: number): Promise<RecordedEvent<'SaveWritten'>> {
    const event = await this.version(id, version);
    if (event?.type === 'SaveWritten') return event;
    const reason = event ? 'deleted it' : 'does not exist';
    throw notFound(`version ${version} of the save ${id.slot} of ${id.player} ${reason}`);
  }

  /** The result of a write, from the log: after a deduplicated request it is that of the first one. */
  async applied({ player, slot }: SlotId, { ref, version }: Appended): Promise<object> {
    const event = await this.event(player, ref.id);
    return {
      ...{ player, slot, version, updatedAt: new Date(event ? timeOf(event) : ref.id.ms).toISOString() },
      ...(event?.type === 'SaveWritten' && { bytes: Buffer.byteLength(event.data.document) }),
    };
  }

  /** Appends a whole document, if the condition holds. @throws VersionConflictError */
  replace(
    id: SlotId,
    content: SaveContent,
    condition: WriteCondition,
    envelope: Envelope,
  ): Promise<Appended> {
    const head = () => this.currentHead(id);
    const { document, meta, isMetaSent } = content;
    const request = isMetaSent ? { request: `${JSON.stringify(meta)} ${document}` } : {};
    return appendIf(condition, head, envelope, conditions =>
      this.append(id, content, envelope, { ...conditions, ...request }),
    );
  }

  /** Appends a version without a document, if there is a document and the condition holds. @throws VersionConflictError */
  delete(id: SlotId, condition: WriteCondition, envelope: Envelope): Promise<Appended> {
    const head = () => this.currentHead(id);
    return appendIf(condition, head, envelope, ({ expectedVersion, replayOnly }) =>
      this.log.append(
        { type: 'SaveDeleted', data: id, ...envelope },
        { expectedVersion: expectedVersion || 'existing', ...(replayOnly && { replayOnly }) },
      ),
    );
  }

  /**
   * Changes the current document and appends the result. If another write comes in between, the change is applied again to the
   * new document, unless the condition names one version.
   *
   * @throws Problem 404 when there is no document; what `revise` throws
   */
  async revise(id: SlotId, revision: Revision, envelope: Envelope): Promise<Appended> {
    const { condition, request, revise } = revision;
    // A repeat gets its first answer, whatever happened to the slot since.
    const done = envelope.idempotencyKey !== undefined && (await this.replayed(id, request, envelope));
    if (done) return done;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const head = await this.head(id);
      const current = head?.type === 'SaveWritten' ? head.version : undefined;
      const isRight = isMet(
        condition,
        head && current !== undefined ? { version: current, at: timeOf(head) } : undefined,
      );
      if (!isRight) throw new VersionConflictError(current ?? 0);
      if (head?.type !== 'SaveWritten' || current === undefined)
        throw notFound(`${id.player} has no save in ${id.slot}`);
      try {
        const content = {
          document: await revise(head.data.document),
          meta: revision.meta ?? head.data.meta,
        };
        return await this.append(id, content, envelope, { request, expectedVersion: current });
      } catch (error) {
        if (!(error instanceof VersionConflictError) || typeof condition.expected === 'number') throw error;
      }
      await setTimeout(Math.random() * MAX_RETRY_DELAY_MS);
    }
    throw unavailable('others write this slot all the time; try again');
  }

  private async replayed(id: SlotId, request: string, envelope: Envelope): Promise<Appended | undefined> {
    try {
      return await this.append(id, { document: '' }, envelope, { request, replayOnly: true });
    } catch (error) {
      if (error instanceof NotReplayedError) return undefined;
      throw error;
    }
  }

  private append(id: SlotId, content: SaveContent, envelope: Envelope, conditions: AppendOptions) {
    const { document, meta } = content;
    const data = { ...id, document, ...(meta && { meta }) };
    return this.log.append({ type: 'SaveWritten', data, ...envelope }, conditions);
  }

  private async event(player: string, id: SaveEvent['id']): Promise<SaveEvent | undefined> {
    return (await this.versions.event('players', player, id)) as SaveEvent | undefined;
  }
}
