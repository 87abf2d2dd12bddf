import type { Topology } from '#libs/event-log';
import { failedLoginsKey, failedPlayerLoginsKey } from '#libs/players';
import type { RedisClient } from '#libs/redis';
import { Problem } from '../http/problem.js';
import { networkOf } from '../limits/address.js';
import { script } from '../lua.js';

/** Failures are counted for this long after the first one. */
export const FAILURE_WINDOW_MS = 15 * 60 * 1_000;
const FAILURES_PER_PLAYER = 10;
const FAILURES_PER_ADDRESS = 50;

const limitFailures = script<number>('limit-failures');

export interface Login {
  readonly player: string;
  /** The client's address. */
  readonly address: string;
}

/** Limits failed logins for each player and each address. Successful logins are not counted. */
export class LoginLimit {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /** @throws Problem 429 after too many failures, even if the secret is right */
  check(login: Login): Promise<void> {
    return this.run(login, 0);
  }

  /** @throws Problem 429 when there were too many failures before: guesses sent at the same time all passed `check` */
  countFailure(login: Login): Promise<void> {
    return this.run(login, 1);
  }

  private async run({ player, address }: Login, count: 0 | 1): Promise<void> {
    const ofPlayer = failedPlayerLoginsKey(this.topology.of('players', player), player);
    const ofAddress = failedLoginsKey(this.topology.prefix, networkOf(address));
    const left = await Promise.all([
      limitFailures.run(this.redis, [ofPlayer], [FAILURES_PER_PLAYER, FAILURE_WINDOW_MS, count]),
      limitFailures.run(this.redis, [ofAddress], [FAILURES_PER_ADDRESS, FAILURE_WINDOW_MS, count]),
    ]);
    const longest = Math.max(...left);
    if (longest === 0) return;
    throw tooManyLogins('too many logins have failed; wait, then try again', longest);
  }
}

/** @param leftMs until logins are accepted again */
export const tooManyLogins = (detail: string, leftMs: number) =>
  new Problem(429, {
    code: 'too-many-logins',
    detail,
    headers: { 'Retry-After': String(Math.ceil(leftMs / 1_000)) },
  });
