import { MalformedEventError } from './errors.js';
import type { Actor } from './event.js';

const KINDS = { p: 'player', s: 'server', a: 'admin' } as const;

export function actorLetter({ kind }: Actor): string {
  return kind[0] as string;
}

/** @throws MalformedEventError when the letter stands for no kind of actor */
export function unpackActorKind(letter: string | undefined, id: string): Actor {
  const kind = KINDS[letter as keyof typeof KINDS];
  if (!kind)
    throw new MalformedEventError(`actor kind is "${letter}", expected p (player), s (server), or a (admin)`);
  return { kind, id };
}
