import { Injectable } from '@nestjs/common';
import type { Actor } from '#libs/events';
import { KeyRing } from './key-ring.js';
import { Sessions } from './sessions.js';
import { hashOf } from './token-hash.js';

export interface Authenticated {
  readonly actor: Actor;
  /** Whether the session was extended just now: a browser's cookie has to be renewed, too. */
  readonly isExtended: boolean;
}

/** Finds the key or the session that a token belongs to. */
@Injectable()
export class Authenticator {
  constructor(
    private readonly keys: KeyRing,
    private readonly sessions: Sessions,
  ) {}

  /**
   * @param isFromCookie a cookie holds a session, and never a key
   * @returns nothing for an unknown token
   */
  async authenticate(token: string, isFromCookie: boolean): Promise<Authenticated | undefined> {
    const hash = hashOf(token);
    const key = isFromCookie ? undefined : this.keys.find(hash);
    if (key) return { actor: key, isExtended: false };
    const session = await this.sessions.find(hash);
    return session && { actor: { kind: 'player', id: session.player }, isExtended: session.isExtended };
  }
}
