import { parseEventRef } from '#libs/event-log';
import { formatEventId, type RecordedEvent } from '#libs/events';
import { isOfVerifiedBoard } from '../boards.js';
import type { LogEntry } from '../log.js';
import type { Acknowledged, Model } from '../model.js';
import type { Check } from '../report.js';

/** The log holds every acknowledged write, as it was sent, and nothing else. */
export function checkLog(log: readonly LogEntry[], model: Model): Check[] {
  return [checkPresent(log, model.acknowledged), checkNothingElse(log, model.acknowledged)];
}

function checkPresent(log: readonly LogEntry[], acknowledged: readonly Acknowledged[]): Check {
  const events = new Map(log.map(({ eventId, event }) => [eventId, event]));
  // The event of a moderation is in every partition; its reference names the greatest of the ids.
  const anywhere = new Map(
    log.filter(({ event }) => isModeration(event)).map(({ id, event }) => [id, event]),
  );
  const differences = acknowledged.flatMap(written => {
    const { partition, id } = parseEventRef(written.eventId);
    const event = partition === 'all' ? anywhere.get(formatEventId(id)) : events.get(written.eventId);
    const difference = compare(written, event);
    return difference ? [`${written.eventId} ${written.type} ${brief(written.data)}: ${difference}`] : [];
  });
  return { name: 'every acknowledged write is in the log', checked: acknowledged.length, differences };
}

function checkNothingElse(log: readonly LogEntry[], acknowledged: readonly Acknowledged[]): Check {
  const known = new Set(acknowledged.map(({ eventId }) => eventId));
  const moderations = acknowledged.filter(isModeration).length;
  const copies = new Map<string, number>();
  const differences: string[] = [];
  for (const { eventId, keys, event, poison } of log) {
    if (keys.streamName === 'scores') copies.set(keys.stream, copies.get(keys.stream) ?? 0);
    if (isModeration(event)) copies.set(keys.stream, (copies.get(keys.stream) ?? 0) + 1);
    else if (!poison && !known.has(eventId) && !isOfVerifiedBoard(event))
      differences.push(
        `${eventId}: ${event ? `${event.type} ${brief(event.data)}` : 'no event'}: nobody was told of it`,
      );
  }
  for (const [stream, count] of copies) {
    if (count !== moderations)
      differences.push(`${stream}: ${count} bans and ends of bans, where ${moderations} were acknowledged`);
  }
  return { name: 'nothing else is in the log', checked: log.length, differences };
}

function isModeration(event: { readonly type: string } | undefined): boolean {
  return event?.type === 'PlayerBanned' || event?.type === 'PlayerUnbanned';
}

/** @returns what is wrong with the event, if anything is */
function compare(
  { type, data, version }: Acknowledged,
  event: RecordedEvent | undefined,
): string | undefined {
  if (!event) return 'it is not there';
  if (event.type !== type) return `it is there as ${event.type}`;
  if (!includes(event.data, data)) return `it says ${brief(event.data)}`;
  if (version !== undefined && event.version !== version) return `its version is ${event.version}`;
  return undefined;
}

/** Whether a value has all that another has, and maybe more. */
function includes(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return actual === expected;
  if (typeof actual !== 'object' || actual === null) return false;
  return Object.entries(expected).every(([name, value]) =>
    includes((actual as Readonly<Record<string, unknown>>)[name], value),
  );
}

const brief = (data: object) => JSON.stringify(data).slice(0, 120);
