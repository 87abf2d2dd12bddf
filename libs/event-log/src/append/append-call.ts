import {
  definitionText,
  type EventType,
  eventDefinitionOf,
  formatEventId,
  type NewEvent,
  packArray,
  packEvent,
  parseEventId,
} from '#libs/events';
import { codedError, type RedisClient, type WriteQuorum } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Appended, AppendOptions } from './append-types.js';
import { fingerprint, IDEMPOTENCY_SECONDS, recordHash } from './idempotency.js';

const append = script<readonly string[]>('append');

/** Maximum events in one call. Redis does nothing else for the few milliseconds that it takes. */
export const MAX_CALL_EVENTS = 500;
/** Maximum characters of documents in one call, unless a single one exceeds it. */
const MAX_CALL_DOCUMENT_CHARACTERS = 1_000_000;
/** Maximum characters of the rest of the events in one call, unless a single one exceeds it. The script parses them. */
export const MAX_CALL_EVENT_CHARACTERS = 100_000;

/** One run of the append script. Keys and documents are numbered, and the events refer to them by number. */
export class AppendCall {
  private readonly keys: string[];
  private readonly numbers = new Map<string, number>();
  private readonly documents: string[] = [];
  private readonly events: Readonly<Record<string, unknown>>[] = [];
  private characters = 0;
  private packedCharacters = 0;

  constructor(private readonly partition: PartitionKeys) {
    this.keys = [
      partition.stream,
      partition.definitions(),
      partition.erasing(),
      partition.gate(),
      partition.derivations(),
    ];
  }

  get length(): number {
    return this.events.length;
  }

  hasRoomFor(events: number): boolean {
    return (
      this.length + events <= MAX_CALL_EVENTS &&
      this.characters < MAX_CALL_DOCUMENT_CHARACTERS &&
      this.packedCharacters < MAX_CALL_EVENT_CHARACTERS
    );
  }

  add<T extends EventType>(event: NewEvent<T>, options: AppendOptions): void {
    const { expectedVersion, definedBy, replayOnly, request, slots, saveBytes, profile } = options;
    const { e, d, m } = packEvent(event);
    const { board, player } = event.data as { board?: string; player?: string };
    this.characters += d?.length ?? 0;
    this.packedCharacters += e.length;
    this.events.push({
      e,
      m,
      ...(d !== undefined && { d: 2 + this.documents.push(d) }),
      ...this.record(event, request ?? d),
      ...(replayOnly && { replay: true }),
      ...(player !== undefined && { player }),
      ...(definedBy !== undefined && { board, by: definedBy }),
      ...this.versions(event),
      ...(expectedVersion !== undefined && {
        expect: expectedVersion === 'existing' ? '*' : String(expectedVersion),
      }),
      ...(slots !== undefined && { slots }),
      ...(saveBytes !== undefined && { bytes: saveBytes }),
      ...(profile && {
        profile: [profile.version, profile.bytes, profile.patchBytes, profile.mostBytes],
      }),
      ...(options.existingBoard && { existing: true }),
      ...this.interval(event, options),
      ...definitionChange(event),
      ...options.use,
      ...(event.type === 'ScoreSubmitted' && definedBy === '' && { marks: true }),
    });
  }

  /**
   * @param quorum if given, enough replicas must confirm the write
   * @returns for each event, in order, its position, or the error for which it was refused
   * @throws UnconfirmedError
   */
  async run(redis: RedisClient, quorum?: WriteQuorum): Promise<(Appended | Error)[]> {
    const args = [IDEMPOTENCY_SECONDS, JSON.stringify(this.events), ...this.documents];
    const replies = quorum
      ? await quorum.run(append, this.keys, args)
      : await append.run(redis, this.keys, args);
    const answers = replies.map(reply => (isAppended(reply) ? this.appended(reply) : refusal(reply)));
    // The first attempt may have been appended without being confirmed.
    const isReplay = answers.some(answer => !(answer instanceof Error) && answer.replayed);
    if (isReplay) await quorum?.confirm(this.partition.confirmed());
    return answers;
  }

  private appended(reply: string): Appended {
    const [id = '', version, replayed, at] = reply.split(' ');
    const { streamName: stream, partition } = this.partition;
    return {
      ref: { stream, partition, id: parseEventId(id) },
      ...(version !== '-' && { version: Number(version) }),
      replayed: replayed === '1',
      ...(at !== undefined && { at: Number(at) }),
    };
  }

  private record(event: NewEvent, content?: string) {
    const hash = recordHash(event);
    if (hash === undefined) return undefined;
    const data = eventDefinitionOf(event.type).asRequested?.(event.data) ?? event.data;
    const print = fingerprint(packArray({ ...event, data }), content);
    return { record: this.number(this.partition.idempotency(hash)), print };
  }

  private versions({ type, data }: NewEvent) {
    const { subject, countsVersionOf, readsVersionOf, isDeletion, isErasure } = eventDefinitionOf(type);
    const part = countsVersionOf?.(data) ?? readsVersionOf?.(data);
    if (part === undefined && !isErasure) return undefined;
    const heads = this.number(this.partition.versions(subject(data)));
    if (part === undefined) return { heads, erases: isErasure };
    return {
      heads,
      part,
      ...(countsVersionOf && { counts: true }),
      ...(isDeletion && { deletes: isDeletion }),
    };
  }

  private interval({ data }: NewEvent, { minInterval }: AppendOptions) {
    if (minInterval === undefined) return undefined;
    const { board = '', player = '' } = data as { board?: string; player?: string };
    return { interval: this.number(this.partition.interval(board, player)), ms: Math.ceil(minInterval) };
  }

  private number(key: string): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.keys.push(key);
    this.numbers.set(key, number);
    return number;
  }
}

/** How an event changes the stored definition of a board. */
function definitionChange({ type, data }: NewEvent) {
  if (type !== 'BoardDefined' && type !== 'BoardRemoved') return undefined;
  const { board, definition, first } = data as Partial<NewEvent<'BoardDefined'>['data']>;
  const isLeaving = definition === undefined || definition.source !== undefined;
  return {
    board,
    becomes: definition ? definitionText(definition) : '',
    ...(definition?.shards !== undefined && !first && { spreads: true }),
    ...(first ? { first: formatEventId(first) } : isLeaving && { unused: true }),
  };
}

/** An error reply starts with a letter, a success with a digit. */
const isAppended = (reply: string) => reply.charCodeAt(0) <= 57;

function refusal(reply: string): Error {
  return codedError(reply) ?? new Error(`the append script answered "${reply}"`);
}
