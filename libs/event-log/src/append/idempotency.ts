import { createHash, randomBytes } from 'node:crypto';
import { type EventId, eventDefinitionOf, formatEventId, type NewEvent } from '#libs/events';

/** For how long a repeated Idempotency-Key is recognised, in seconds. */
export const IDEMPOTENCY_SECONDS = 24 * 60 * 60;

/** Makes a key for an event whose caller gave none. It begins with a blank, as no key can that a client sends. */
export const ownKey = () => ` ${randomBytes(16).toString('base64url')}`;

export const isOwnKey = (key: string): boolean => key.startsWith(' ');

/**
 * Names the record of an event's idempotency key: the same for the same caller, subject and key. A copy can stand in the
 * partition of the first event: it has a record of its own.
 *
 * @returns nothing for an event without a key
 */
export function recordHash({ type, data, actor, idempotencyKey }: NewEvent): string | undefined {
  if (idempotencyKey === undefined) return undefined;
  const { first } = data as { readonly first?: EventId };
  const copied = first ? [formatEventId(first)] : [];
  return digest(actor.kind, actor.id, eventDefinitionOf(type).subject(data), idempotencyKey, ...copied);
}

/** Tells whether a key comes with the same event again. @param array the event, as `packArray` says it */
export const fingerprint = (array: string, content = '') => digest(array, content);

function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  // Lengths keep ["a", "bc"] and ["ab", "c"] apart.
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('base64url').slice(0, 22);
}
