import type { Actor } from '#libs/events';
import { hashOf, type TokenHash } from './token-hash.js';

/** The server and admin keys of the settings. */
export class KeyRing {
  private readonly actors: ReadonlyMap<TokenHash, Actor>;

  constructor(serverKeys: readonly string[], adminKeys: readonly string[]) {
    this.actors = new Map([
      ...serverKeys.map(secret => toEntry(secret, 'server')),
      ...adminKeys.map(secret => toEntry(secret, 'admin')),
    ]);
  }

  find(hash: TokenHash): Actor | undefined {
    return this.actors.get(hash);
  }
}

/** The actor's id is a part of the key's hash: it identifies the key in events and logs without revealing it. */
function toEntry(secret: string, kind: 'server' | 'admin'): readonly [TokenHash, Actor] {
  const hash = hashOf(secret);
  return [hash, { kind, id: Buffer.from(hash, 'base64url').toString('hex').slice(0, 6) }];
}
