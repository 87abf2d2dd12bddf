import { hash, timingSafeEqual } from 'node:crypto';
import type { Actor } from '#libs/events';

interface Key {
  readonly digest: Buffer;
  readonly actor: Actor;
}

/** The secrets that the environment names. */
export class KeyRing {
  private readonly keys: readonly Key[];

  constructor(serverKeys: readonly string[], adminKeys: readonly string[]) {
    this.keys = [
      ...adminKeys.map(secret => toKey(secret, 'admin')),
      ...serverKeys.map(secret => toKey(secret, 'server')),
    ];
  }

  /** Takes the same time for every secret: digests are compared, all of them, each in constant time. */
  find(secret: string): Actor | undefined {
    const presented = digest(secret);
    return this.keys.filter(key => timingSafeEqual(key.digest, presented))[0]?.actor;
  }
}

/** The id names the key in events and logs without giving it away. */
function toKey(secret: string, kind: 'server' | 'admin'): Key {
  const ofSecret = digest(secret);
  return { digest: ofSecret, actor: { kind, id: ofSecret.toString('hex').slice(0, 6) } };
}

const digest = (secret: string) => hash('sha256', secret, 'buffer');
