import { MalformedEventError } from './errors.js';
import type { Actor } from './event.js';

const KINDS = { p: 'player', s: 'server', a: 'admin' } as const;

export function letterOf({ kind }: Actor): string {
  return kind[0] as string;
}

/**
 * @param letter as `letterOf` gives it
 * @throws MalformedEventError
 */
export function actorOf(letter: string | undefined, id: string): Actor {
  const kind = KINDS[letter as keyof typeof KINDS];
  if (!kind) throw new MalformedEventError(`"${letter}" is no kind of actor`);
  return { kind, id };
}
