import { Injectable } from '@nestjs/common';
import type { Actor } from '#libs/events';
import { KeyRing } from './key-ring.js';
import { type Session, Sessions } from './sessions.js';
import { hashOf } from './token-hash.js';

export interface Authenticated {
  readonly actor: Actor;
  /** The player's session; undefined for a key. */
  readonly session?: Session;
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
    if (key) return { actor: key };
    const session = await this.sessions.find(hash);
    return session && { actor: { kind: 'player', id: session.player }, session };
  }
}
