import { createHash, randomBytes } from 'node:crypto';
import { type EventId, eventDefinitionOf, formatEventId, type NewEvent } from '#libs/events';

/** How long a repeated Idempotency-Key is recognized. */
export const IDEMPOTENCY_SECONDS = 24 * 60 * 60;

/** Creates a key for an event whose caller sent none. It starts with a space, which no client's key can. */
export const ownKey = () => ` ${randomBytes(16).toString('base64url')}`;

export const isOwnKey = (key: string): boolean => key.startsWith(' ');

/**
 * Identifies the record of an event's idempotency key. It is the same for the same caller, subject, and key. Copies have records
 * of their own, because a copy can be in the partition of the original event.
 *
 * @returns undefined for an event without a key
 */
export function recordHash({ type, data, actor, idempotencyKey }: NewEvent): string | undefined {
  if (idempotencyKey === undefined) return undefined;
  const { first } = data as { readonly first?: EventId };
  const copied = first ? [formatEventId(first)] : [];
  return digest(actor.kind, actor.id, eventDefinitionOf(type).subject(data), idempotencyKey, ...copied);
}

/** Differs if a key is used again for another event. @param array the event from `packArray` */
export const fingerprint = (array: string, content = '') => digest(array, content);

function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  // Lengths keep ["a", "bc"] and ["ab", "c"] apart.
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('base64url').slice(0, 22);
}
