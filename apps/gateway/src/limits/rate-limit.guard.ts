import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { RateLimit, RateLimits } from '#libs/config';
import type { BoardCatalog } from '#libs/leaderboards';
import { limitKey } from '#libs/players';
import { OptionalWrites } from '#libs/redis';
import { accessRefusal, willRefuse } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { Problem } from '../http/problem.js';
import { addressOf, networkOf } from './address.js';
import { LocalWindow } from './local-window.js';
import { requestsLimitedTotal } from './metrics.js';
import { type Cost, isForServers, rateClassOf } from './rate-class.js';
import { RejectionCache } from './rejection-cache.js';
import type { Admission, SlidingWindow } from './sliding-window.js';

/**
 * The rate limit of each role for each class of requests. A caller that may not use a route gets 401 or 403 from
 * `AccessGuard`; such requests count by address. While Redis is away nothing passes, since the request itself needs Redis, too.
 * While Redis only refuses writes, reads are counted in this process instead.
 */
export class RateLimitGuard implements CanActivate {
  private readonly rejections = new RejectionCache();
  private readonly counting = new OptionalWrites();
  private readonly local = new LocalWindow();

  constructor(
    private readonly limits: RateLimits,
    private readonly window: SlidingWindow,
    private readonly prefix: string,
    private readonly boards: Pick<BoardCatalog, 'cachedOrDefault'>,
  ) {}

  /** @throws Problem 429; 413 for a request that costs more than the whole limit */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<CallerRequest>();
    const isRefused =
      accessRefusal(context) !== undefined || willRefuse(context) || isForServers(context, this.boards);
    const { name, cost } = isRefused ? refused(request) : rateClassOf(context);
    if (name === 'none') return true;
    const caller = isRefused ? undefined : request.caller;
    const { kind: role, id } = caller ?? { kind: 'anonymous', id: networkOf(addressOf(request)) };
    const limit = this.limits.get(`${role}.${name}`);
    if (!limit) return true;
    const key = limitKey(this.prefix, name, role, id);
    const weight = costWithin(limit, request, cost);
    const admission = await this.admit(key, limit, weight, name === 'read' || isRead(request));
    http.getResponse<FastifyReply>().headers({
      'RateLimit-Limit': limit.limit,
      'RateLimit-Remaining': admission.remaining,
      'RateLimit-Reset': Math.ceil(admission.resetAfter / 1_000),
    });
    if (admission.admitted) return true;
    requestsLimitedTotal.inc({ class: name, role });
    throw rateLimited(limit, admission);
  }

  private async admit(key: string, limit: RateLimit, cost: number, reads: boolean): Promise<Admission> {
    if (cost > limit.limit) throw tooLargeFor(limit);
    const known = this.rejections.find(key, cost);
    if (known) return known;
    const asked = performance.now();
    const count = () => this.window.admit(key, limit, cost);
    const admission = reads
      ? await this.counting.run(count, () => this.local.admit(key, limit, cost))
      : await count();
    if (!admission.admitted) this.rejections.add(key, cost, admission, asked);
    return admission;
  }
}

/** The class of a request that `AccessGuard` will refuse. */
const refused = (request: CallerRequest) =>
  ({ name: isRead(request) ? 'read' : 'write', cost: () => 1 }) as const;

/** A request without a body cannot be split, so its cost is at most the limit. */
function costWithin({ limit }: RateLimit, request: CallerRequest, cost: Cost): number {
  return request.body == null ? Math.min(cost(request), limit) : cost(request);
}

const isRead = ({ method }: CallerRequest) => method === 'GET' || method === 'HEAD';

function rateLimited(limit: RateLimit, { retryAfter }: Admission): Problem {
  const seconds = Math.max(Math.ceil(retryAfter / 1_000), 1);
  return new Problem(429, {
    code: 'rate-limited',
    detail: `more than ${inWords(limit)}: try again in ${seconds} s`,
    headers: { 'Retry-After': String(seconds) },
  });
}

/** Waiting does not help: the request alone exceeds the limit. */
function tooLargeFor(limit: RateLimit): Problem {
  return new Problem(413, {
    code: 'over-rate-limit',
    detail: `more at once than ${inWords(limit)}: send smaller parts`,
  });
}

const inWords = ({ limit, window }: RateLimit) => `${limit} in ${window / 1_000} s`;
