import { setTimeout as delay } from 'node:timers/promises';
import { STREAMS } from '#libs/events';
import { CLAIM_IDLE, type Cluster } from './cluster.js';
import type { FaultKind, PlannedFault } from './plan.js';
import { PROJECTIONS, type Rebuilds } from './rebuilds.js';
import type { Service } from './service.js';

/** Marks a stream entry as poison; nobody who reads events looks at it. */
export const POISON_FIELD = 'chaos';

/** Entries that are no events: no JSON, a code that nobody knows, and a known one with nothing behind it. */
const POISON = ['not json', '["zz","s:x"]', '["s1","s:x"]', 's2 sx'];

/** Milliseconds for which Redis is away, or silent, at most. */
const OUTAGE = 2_500;

/** How far a clock jumps ahead at most. */
const MAX_CLOCK_JUMP_MS = 10 * 24 * 60 * 60 * 1_000;

/** Does to a cluster what can happen to one. */
export class Faults {
  /** How often each kind was injected; `skipped` when there was nothing to hit. */
  readonly counts: Record<string, number> = {};
  private poisons = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly rebuilds: Rebuilds,
    private readonly boards: readonly string[],
  ) {}

  /**
   * Injects all of a plan, each at its time. Settles when the last one is over, too.
   *
   * @throws Error when the harness itself cannot go on: Redis does not start again
   */
  async run(plan: readonly PlannedFault[], stop: AbortSignal): Promise<void> {
    const began = Date.now();
    const under: Promise<void>[] = [];
    const failures: unknown[] = [];
    for (const fault of plan) {
      const wait = Math.max(0, fault.at - (Date.now() - began));
      await delay(wait, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) break;
      under.push(this.inject(fault).catch(error => void failures.push(error)));
    }
    await Promise.all(under);
    if (failures.length > 0) throw failures[0];
  }

  private async inject(fault: PlannedFault): Promise<void> {
    const done = await this.handlers[fault.kind](fault);
    const kind = done ? fault.kind : 'skipped';
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  /** Each answers whether it could be done. */
  private readonly handlers: Record<FaultKind, (fault: PlannedFault) => Promise<boolean>> = {
    'kill-worker': async ({ where }) => kill(at(this.cluster.workers, where)),
    'kill-gateway': async ({ where }) => kill(at(this.cluster.gateways, where)),
    // From a little to a lot longer than what lets others take over.
    'freeze-worker': ({ where, amount }) =>
      freeze(at(this.cluster.workers, where), CLAIM_IDLE * (1.2 + 4 * amount)),
    'freeze-gateway': ({ where, amount }) => freeze(at(this.cluster.gateways, where), 5_000 * amount),
    'add-worker': async ({ where }) => {
      const app = at(this.cluster.wantedApps, where);
      if (app) this.cluster.add(app);
      return app !== undefined;
    },
    'remove-worker': async ({ where }) => {
      const worker = at(this.cluster.spareWorkers, where);
      if (worker) await this.cluster.remove(worker);
      return worker !== undefined;
    },
    'kill-redis': ({ amount }) => done(this.cluster.redis.kill(OUTAGE * amount)),
    'freeze-redis': ({ amount }) => done(this.cluster.redis.freeze(OUTAGE * amount)),
    'fill-redis': ({ amount }) => done(this.cluster.redis.fill(OUTAGE * amount)),
    'demote-redis': ({ amount }) => done(this.cluster.redis.demote(OUTAGE * amount)),
    'lock-redis': ({ amount }) => done(this.cluster.redis.lock(OUTAGE * amount)),
    'jump-clock': ({ where, amount }) => this.jumpClock(where, amount),
    'start-rebuild': fault => this.startRebuild(fault),
    'cancel-rebuild': async fault => {
      await this.startRebuild(fault);
      await delay(500 * fault.amount);
      await this.rebuilds.cancel();
      return true;
    },
    'plant-poison': ({ where, amount }) => this.plant(where, amount),
  };

  private startRebuild({ where, amount }: PlannedFault): Promise<boolean> {
    const projection = at(PROJECTIONS, where) ?? 'ranking';
    const one = projection === 'ranking' && amount < 0.5;
    const board = one ? at(this.boards, 2 * amount) : undefined;
    return this.rebuilds.start(projection, board);
  }

  /** Leaves a partition as a clock does that ran up to ten days ahead and was set right: its ids stay ahead. */
  private jumpClock(where: number, amount: number): Promise<boolean> {
    return this.plant(where, amount, `${Date.now() + Math.round(amount * MAX_CLOCK_JUMP_MS)}-0`);
  }

  /** Puts an entry that is no event into the log, past the gateways. What arrived, the log itself tells later. */
  private async plant(where: number, amount: number, id = '*'): Promise<boolean> {
    const stream = at(
      STREAMS.flatMap(name => this.cluster.topology.all(name)),
      where,
    )?.stream;
    const entry = at(POISON, amount) ?? '';
    const { client } = this.cluster.redis;
    const added = await client
      .xadd(stream ?? '', id, 'e', entry, POISON_FIELD, String(this.poisons++))
      .catch(() => undefined);
    return added !== undefined;
  }
}

/** Always could be done, once it is. */
const done = (fault: Promise<void>): Promise<boolean> => fault.then(() => true);

/** The item at a fraction of a list. */
function at<T>(items: readonly T[], fraction: number): T | undefined {
  return items[Math.floor(fraction * items.length)];
}

function kill(service: Service | undefined): boolean {
  service?.kill();
  return service !== undefined;
}

async function freeze(service: Service | undefined, milliseconds: number): Promise<boolean> {
  if (!service) return false;
  service.freeze();
  await delay(milliseconds);
  service.thaw();
  return true;
}
