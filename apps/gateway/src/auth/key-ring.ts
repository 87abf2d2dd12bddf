import type { Actor } from '#libs/events';
import { hashOf, type TokenHash } from './token-hash.js';

/** The secrets that the environment names. */
export class KeyRing {
  private readonly actors: ReadonlyMap<TokenHash, Actor>;

  constructor(serverKeys: readonly string[], adminKeys: readonly string[]) {
    this.actors = new Map([
      ...serverKeys.map(secret => toEntry(secret, 'server')),
      ...adminKeys.map(secret => toEntry(secret, 'admin')),
    ]);
  }

  /** Whose secret it is. */
  find(hash: TokenHash): Actor | undefined {
    return this.actors.get(hash);
  }
}

/** The id names the key in events and logs without giving it away. */
function toEntry(secret: string, kind: 'server' | 'admin'): readonly [TokenHash, Actor] {
  const hash = hashOf(secret);
  return [hash, { kind, id: Buffer.from(hash, 'base64url').toString('hex').slice(0, 6) }];
}
