import { isOlderId, STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Topology } from '../partitions/topology.js';
import {
  type Extent,
  extentOf,
  type Ledger,
  type LogFacts,
  type Loss,
  lossIn,
  NOTHING,
  unaccountedFor,
} from './log-judgement.js';

const lookAtLog = script<string>('look-at-log');
const noteLog = script<0 | 1>('note-log');

/** How often the account of a partition is stored, unless something is wrong. */
const NOTE_INTERVAL_MS = 5_000;
/** Maximum acknowledged events that a process looks for, and calls that it remembers. */
const MAX_REMEMBERED_IDS = 8;
const MAX_REMEMBERED_CALLS = 64;
/** Attempts to store the account while other processes store it at the same time. */
const MAX_NOTE_ATTEMPTS = 3;

/** The log has lost events, so a fold of it would have less than the projections have. */
export class LogDamagedError extends Error {
  readonly code = 'LOG_DAMAGED';
  override readonly name = 'LogDamagedError';

  constructor(
    readonly stream: StreamName,
    readonly partition: number,
    readonly reason: string,
  ) {
    super(
      `partition ${partition} of ${stream} has lost events: ${reason}. Rebuild, verify and repartition are refused, for they would make less of it. ` +
        `Restore a backup, or go on without them: POST /v1/admin/log/accept-loss {"stream":"${stream}","partition":${partition}}`,
    );
  }
}

export interface LogExtent {
  /** The number of events, with those that are only in the archive. */
  readonly length: number;
  /** The id of the latest event. */
  readonly last: string;
}

/** The result of checking a partition. */
export interface LogState extends LogExtent {
  /** Why the log is damaged; empty if it is not. */
  readonly damage: string;
  /** Total events lost. */
  readonly lost: number;
  /** Consumer groups that were deleted and created again. They lack events until they are rebuilt. */
  readonly reset: readonly string[];
  /** Consumer groups whose position was changed by hand. They have skipped events, or applied some twice. */
  readonly misled: readonly Misled[];
  /** By group: total events that it has missed. */
  readonly missedEver: Readonly<Record<string, number>>;
  /** The partition's gate: `moving <attempt>`, `closed <attempt>`, or empty. */
  readonly gate: string;
  /** The loss that this check was the first to find. */
  readonly found?: Loss;
}

/** A consumer group whose position was changed by hand. A rebuild repairs it. */
export interface Misled {
  readonly group: string;
  /** Numbers of events that the group has skipped, and that it was given a second time. */
  readonly missed: number;
  readonly repeated: number;
  /** Whether its position is beyond the end of the log, so that it gets no new events. */
  readonly isAhead: boolean;
}

type Inspection = LogFacts & {
  readonly groups?: Record<string, string>;
  readonly ledger?: Record<string, string>;
  readonly accounts?: Record<string, number>;
  readonly ahead?: readonly string[];
} & {
  readonly gate?: string;
};

/** Events that one call of this process has appended. */
interface Appended {
  readonly events: number;
  readonly last: string;
}

/** What this process remembers of a partition, because Redis could lose its own account together with the events. */
interface ProcessMemory {
  extent?: Extent;
  /** Calls that were acknowledged since then, and possibly a few before. */
  appended: Appended[];
  /** The last acknowledged events before each lost connection. Another server may answer since then. */
  beforeBreaks: string[];
}

const memories = new WeakMap<PartitionKeys, ProcessMemory>();

function memoryOf(keys: PartitionKeys): ProcessMemory {
  let memory = memories.get(keys);
  if (!memory) {
    memory = { appended: [], beforeBreaks: [] };
    memories.set(keys, memory);
  }
  return memory;
}

/** Remembers acknowledged events for the next check. */
export function rememberAppended(keys: PartitionKeys, events: number, last: string): void {
  const { appended } = memoryOf(keys);
  appended.push({ events, last });
  if (appended.length > MAX_REMEMBERED_CALLS) appended.shift();
}

/** Remembers, when a connection is lost, the last acknowledged event until the next check. */
export function rememberBreak(keys: PartitionKeys): void {
  const { appended, beforeBreaks } = memoryOf(keys);
  const last = appended.at(-1)?.last;
  if (last === undefined || beforeBreaks.includes(last)) return;
  beforeBreaks.push(last);
  if (beforeBreaks.length > MAX_REMEMBERED_IDS) beforeBreaks.shift();
}

/**
 * The minimum that the partition must contain: what was seen, plus what was acknowledged afterwards. If the stream was created
 * again, events from its first entry on do not count, because they were not lost with the old stream.
 */
function atLeast(extent: Extent, appended: readonly Appended[], { stream }: Inspection): Extent {
  const isOther = stream !== undefined && stream.first !== extent.first;
  const after = appended.filter(
    ({ last }) => isOlderId(extent.last, last) && !(isOther && !isOlderId(last, stream.first)),
  );
  const events = after.reduce((sum, call) => sum + call.events, 0);
  return { ...extent, added: extent.added + events, length: extent.length + events };
}

/**
 * Checks whether a partition of the log is complete, and stores the account of it.
 *
 * @param groups consumer groups whose projections may know of events that the log lacks
 */
export async function checkLog(
  redis: RedisClient,
  keys: PartitionKeys,
  groups: readonly string[] = [],
): Promise<LogState> {
  try {
    return await inspect(redis, keys, groups);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('WRONGTYPE'))) throw error;
    const damage = `a key of ${keys.stream.replace(/log$/, '*')} holds another type than Questlog's: does another program use the same KEY_PREFIX?`;
    return { length: 0, last: '0-0', damage, lost: 0, reset: [], misled: [], missedEver: {}, gate: '' };
  }
}

async function inspect(
  redis: RedisClient,
  keys: PartitionKeys,
  groups: readonly string[],
): Promise<LogState> {
  for (let attempt = 1; ; attempt++) {
    const memory = memoryOf(keys);
    const appended = [...memory.appended];
    const latest = appended.at(-1)?.last;
    const ids = [...memory.beforeBreaks, ...(latest === undefined ? [] : [latest])];
    const seen = await read(redis, keys, groups, ids);
    const ledger = parseLedger(seen.ledger);
    const remembered = memory.extent ?? (appended.length > 0 ? NOTHING : undefined);
    const own = remembered && atLeast(remembered, appended, seen);
    const isOutdated = own !== undefined && own.revision < ledger.revision;
    const facts = isOutdated ? { ...seen, missing: [] } : seen;
    const known = latestOf(
      seen.ledger && atLeast(ledger, isOutdated ? [] : appended, seen),
      isOutdated ? undefined : own,
    );
    const found = isMoved(seen) ? undefined : lossIn(facts, ledger, known);
    const more = isOutdated && own.revision + 1 === ledger.revision ? own.added - ledger.knownAdded : 0;
    const after = found
      ? afterLoss(seen, ledger, known, found)
      : more > 0
        ? { ...withoutLoss(seen, ledger), lost: ledger.lost + more, knownAdded: own?.added ?? 0 }
        : withoutLoss(seen, ledger);
    const isLoss = found !== undefined || more > 0;
    const groupChanges = isMoved(seen) ? {} : groupChangesIn(seen, after.damage !== '');
    if (!(await note(redis, keys, seen, ledger, after, isLoss, groupChanges)) && attempt < MAX_NOTE_ATTEMPTS)
      continue;
    memory.extent = extentOf(seen, after.revision);
    // The last event is looked for again in the next check, unless it is lost.
    const looked = new Set(isOutdated || found ? appended : appended.slice(0, -1));
    memory.appended = memory.appended.filter(call => !looked.has(call));
    memory.beforeBreaks = memory.beforeBreaks.filter(id => !ids.includes(id));
    return {
      ...stateOf({ ...seen, ledger: { ...seen.ledger, ...groupChanges } }, after),
      ...(found && { found }),
    };
  }
}

/**
 * Records the events of partitions that no longer exist as lost, if the log was not repartitioned. The loss is recorded with the
 * first partition of the log that has taken its place.
 *
 * @param before all partitions of the earlier log
 */
export async function noteAbandoned(
  redis: RedisClient,
  topology: Topology,
  before: readonly PartitionKeys[],
): Promise<void> {
  const isLeft = (keys: PartitionKeys) => !topology.all(keys.streamName).includes(keys);
  for (const stream of STREAMS) {
    const left = before.filter(keys => keys.streamName === stream && isLeft(keys));
    const events = left.reduce((sum, keys) => sum + (memories.get(keys)?.extent?.length ?? 0), 0);
    if (events === 0) continue;
    const [first] = topology.all(stream);
    if (first)
      await noteLoss(redis, first, { events, reason: 'another log has taken the place of this one' });
  }
}

/** Records a loss that a check of the partition itself cannot find. Several processes record the same one once. */
async function noteLoss(redis: RedisClient, keys: PartitionKeys, loss: Loss): Promise<void> {
  for (let attempt = 1; attempt <= MAX_NOTE_ATTEMPTS; attempt++) {
    const seen = await read(redis, keys, [], []);
    const ledger = parseLedger(seen.ledger);
    if (ledger.damage.includes(loss.reason)) return;
    const known = seen.ledger && atLeast(ledger, [], seen);
    if (await note(redis, keys, seen, ledger, afterLoss(seen, ledger, known, loss), true)) return;
  }
}

/** @throws LogDamagedError if events are missing that were not erased or archived */
export async function measureLog(redis: RedisClient, keys: PartitionKeys): Promise<LogExtent> {
  const { length, last, damage } = await checkLog(redis, keys);
  if (damage !== '') throw new LogDamagedError(keys.streamName, keys.partition, damage);
  return { length, last };
}

/** A loss that an operator has accepted. */
export interface AcceptedLoss {
  /** Total events lost. */
  readonly lost: number;
  /** Why the log was damaged; empty if it was not. */
  readonly reason: string;
}

/** Accepts the loss of a partition's events, so that the log counts as complete again. */
export async function acceptLoss(
  redis: RedisClient,
  keys: PartitionKeys,
  groups: readonly string[] = [],
): Promise<AcceptedLoss> {
  const { damage, lost, reset, misled } = await checkLog(redis, keys, groups);
  await redis.hdel(keys.ledger(), 'damage', ...groups.flatMap(groupFaults));
  const resets = reset.map(group => `the consumer group ${group} was deleted`);
  const faults = misled
    .filter(({ missed, repeated }) => missed + repeated > 0)
    .map(
      ({ group, missed, repeated }) =>
        `the consumer group ${group} missed ${missed} events and was given ${repeated} again`,
    );
  return { lost, reason: [...(damage === '' ? [] : [damage]), ...resets, ...faults].join('; ') };
}

/** The ledger's fields for faults of a group. A rebuild clears them. */
export const groupFaults = (group: string) => [`reset:${group}`, `missed:${group}`, `repeated:${group}`];

/**
 * The ledger's changes for groups whose account has changed. A difference means that events were skipped or delivered again.
 * While the log itself is damaged, the account starts over.
 */
function groupChangesIn(
  { accounts = {}, ledger = {} }: Inspection,
  isDamaged: boolean,
): Record<string, string> {
  const news: Record<string, string> = {};
  for (const [group, account] of Object.entries(accounts)) {
    const before = ledger[`account:${group}`];
    if (before === String(account)) continue;
    news[`account:${group}`] = String(account);
    const more = account - Number(before);
    if (before === undefined || isDamaged || !Number.isFinite(more)) continue;
    const name = more > 0 ? 'missed' : 'repeated';
    for (const field of [`${name}:${group}`, `${name}Ever:${group}`])
      news[field] = String(Number(ledger[field] ?? 0) + Math.abs(more));
  }
  return news;
}

/** Whether the partition is closed by a repartition. Then it is not checked. */
const isMoved = ({ gate }: { readonly gate?: string | undefined }) => gate?.startsWith('closed') ?? false;

async function read(
  redis: RedisClient,
  keys: PartitionKeys,
  groups: readonly string[],
  ids: readonly string[],
): Promise<Inspection> {
  const { stream } = keys;
  const own = [keys.ledger(), keys.erasures(), keys.gate(), keys.definitions(), keys.archive()];
  const live = groups.map(group => keys.live(group));
  return JSON.parse(
    await lookAtLog.run(redis, [stream, ...own, ...live], [JSON.stringify(ids), JSON.stringify(groups)]),
  ) as Inspection;
}

/** Of the ledger and the memory of this process, the one that knows of more events. */
function latestOf(ledger: Extent | undefined, memory: Extent | undefined): Extent | undefined {
  if (!ledger || !memory) return ledger ?? memory;
  return memory.added > ledger.added || memory.revision > ledger.revision ? memory : ledger;
}

function afterLoss(
  look: Inspection,
  ledger: Ledger,
  known: Extent | undefined,
  { events, reason }: Loss,
): Ledger {
  const revision = Math.max(ledger.revision, known?.revision ?? 0) + 1;
  return {
    ...ledger,
    ...extentOf(look, revision),
    gone: unaccountedFor(look),
    lost: ledger.lost + events,
    // A process that knows of more events adds only the difference.
    knownAdded: Math.max(known?.added ?? 0, (look.stream?.added ?? 0) + (known ? 0 : events)),
    damage: ledger.damage === '' ? reason : `${ledger.damage}; then ${reason}`,
  };
}

/** A stream that never had entries has lost none: it may have been created again after everything was erased. */
function withoutLoss(look: Inspection, ledger: Ledger): Ledger {
  const isEmpty = (look.stream?.added ?? 0) === 0;
  const extent = extentOf(look, ledger.revision);
  return { ...ledger, ...extent, ...(isEmpty && { gone: unaccountedFor(look) }) };
}

/** @returns false if another process has stored an account in the meantime */
async function note(
  redis: RedisClient,
  keys: PartitionKeys,
  { now, stream, groups = {}, ledger: fields, gate }: Inspection,
  before: Ledger,
  after: Ledger,
  isLoss: boolean,
  news: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  if (isMoved({ gate })) return true;
  const isAccount = Object.keys(news).length > 0 && fields !== undefined;
  const isNew = fields === undefined && (stream?.added ?? 0) > 0;
  const isDue = now - Number(fields?.at ?? 0) >= NOTE_INTERVAL_MS;
  const isChanged = fields !== undefined && (after.last !== before.last || after.length !== before.length);
  if (!isLoss && !isNew && !isAccount && !(isDue && isChanged) && after.gone === before.gone) return true;
  const positions = Object.entries(groups).map(([group, id]) => [`group:${group}`, id]);
  const noted = { ...after, at: now, ...Object.fromEntries(positions), ...news };
  const texts = Object.entries(noted).map(([name, value]) => [name, String(value)]);
  const args = [fields?.revision ?? '', JSON.stringify(Object.fromEntries(texts))];
  return (await noteLog.run(redis, [keys.ledger(), keys.gate()], args)) === 1;
}

function missedEver(ledger: Inspection['ledger'] = {}): Record<string, number> {
  const found = Object.entries(ledger).filter(([field]) => field.startsWith('missedEver:'));
  return Object.fromEntries(
    found.map(([field, events]) => [field.slice('missedEver:'.length), Number(events) || 0]),
  );
}

function misledGroups({ groups = {}, ledger = {}, ahead = [] }: Inspection): Misled[] {
  return Object.keys(groups).flatMap(group => {
    const number = (name: string) => Number(ledger[`${name}:${group}`] ?? 0) || 0;
    const found = {
      group,
      missed: number('missed'),
      repeated: number('repeated'),
      isAhead: ahead.includes(group),
    };
    return found.missed > 0 || found.repeated > 0 || found.isAhead ? [found] : [];
  });
}

function stateOf(look: Inspection, { damage, lost }: Ledger): LogState {
  const { stream, trimmed, ledger, gate = '' } = look;
  const reset = Object.keys(ledger ?? {}).flatMap(field =>
    field.startsWith('reset:') ? [field.slice('reset:'.length)] : [],
  );
  return {
    length: (stream?.length ?? 0) + trimmed,
    last: stream?.last ?? '0-0',
    damage,
    lost,
    reset,
    misled: misledGroups(look),
    missedEver: missedEver(ledger),
    gate,
  };
}

function parseLedger(fields: Readonly<Record<string, string>> | undefined): Ledger {
  if (!fields) return NOTHING;
  const number = (name: string) => Number(fields[name] ?? 0) || 0;
  return {
    revision: number('revision'),
    added: number('added'),
    length: number('length'),
    removed: number('removed'),
    last: fields.last ?? '0-0',
    first: fields.first ?? '0-0',
    gone: number('gone'),
    lost: number('lost'),
    knownAdded: number('knownAdded'),
    damage: fields.damage ?? '',
  };
}
