import { setTimeout as delay } from 'node:timers/promises';
import { boardNames, defineBoards } from './boards.js';
import { checkAll } from './checks/all.check.js';
import { Client } from './clients/client.js';
import { Cluster } from './cluster.js';
import { Faults } from './faults.js';
import { Findings } from './findings.js';
import { Gateways } from './gateways.js';
import { Model } from './model.js';
import type { ChaosOptions } from './options.js';
import { planFaults } from './plan.js';
import { Random } from './random.js';
import { Rebuilds } from './rebuilds.js';
import { type Check, failuresOf, type Report } from './report.js';
import type { World } from './world.js';

/** Milliseconds for writes under way to be answered once the faults are over. */
const FINISH = 60_000;
/** Milliseconds between two lines about progress. */
const TICK = 5_000;

/** What a run shows while it goes on. */
export interface Progress {
  /** Since the beginning. */
  readonly seconds: number;
  readonly phase: string;
  readonly acknowledged: number;
  readonly faults: number;
  readonly traffic: Readonly<Record<string, number>>;
}

export interface ChaosHooks {
  readonly onProgress?: (progress: Progress) => void;
  /** Ends everything at once. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a cluster, lets clients write while faults hit it, and checks that nothing was lost, doubled or mixed up.
 *
 * It leaves no process behind, and its folder only when something is wrong.
 *
 * @throws Error when it cannot be carried through, or is told to end
 */
export async function runChaos(options: ChaosOptions, hooks: ChaosHooks = {}): Promise<Report> {
  const { onProgress, signal } = hooks;
  const findings = new Findings();
  const cluster = await Cluster.open(options.dist, findings);
  const run = new Run(options, cluster, findings);
  const ticker = setInterval(() => onProgress?.(run.progress), TICK);
  let keep = false;
  try {
    const report = await Promise.race([run.carryOut(), untilAborted(signal)]);
    keep = report.failures.length > 0;
    return { ...report, ...(keep && { folder: cluster.folder }) };
  } catch (error) {
    keep = !signal?.aborted;
    throw keep ? new Error(`see ${cluster.folder}: ${(error as Error).message}`, { cause: error }) : error;
  } finally {
    clearInterval(ticker);
    run.abandon();
    await cluster.end();
    if (!keep) cluster.deleteFolder();
  }
}

function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(new Error('told to end'));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** One run, from the first start to the last check. */
class Run {
  private readonly began = Date.now();
  private readonly stop = new AbortController();
  private readonly world: World;
  private readonly rebuilds: Rebuilds;
  private readonly faults: Faults;
  private phase = 'starting';

  constructor(
    private readonly options: ChaosOptions,
    private readonly cluster: Cluster,
    findings: Findings,
  ) {
    const boards = boardNames({ definitions: options.features.has('definitions') });
    const gateways = new Gateways(cluster.urls, findings);
    const reads = { verified: 0, unanswered: 0, 'without an earlier event': 0 };
    this.world = { options, model: new Model(boards), gateways, findings, reads };
    this.rebuilds = new Rebuilds(gateways);
    this.faults = new Faults(cluster, this.rebuilds, boards);
  }

  get progress(): Progress {
    const { model, gateways } = this.world;
    return {
      seconds: this.seconds,
      phase: this.phase,
      acknowledged: model.acknowledged.length,
      faults: Object.values(this.faults.counts).reduce((sum, count) => sum + count, 0),
      traffic: gateways.traffic,
    };
  }

  async carryOut(): Promise<Report> {
    const random = new Random(this.options.seed);
    await this.cluster.start();
    if (this.options.features.has('definitions')) await defineBoards(this.world, random.fork('definitions'));
    this.phase = 'faults';
    await this.storm(random);
    this.phase = 'recovering';
    await this.cluster.untilReady();
    this.phase = 'checking';
    const checks = await checkAll(this.cluster, this.world, this.rebuilds);
    this.phase = 'ending';
    await this.cluster.stop();
    return this.report([...this.world.findings.checks, ...checks]);
  }

  /** Ends the writing and the faults, wherever they are. */
  abandon(): void {
    this.world.gateways.deadline = 0;
    this.stop.abort();
  }

  /** Faults and writes at the same time. It ends when every write has been answered. */
  private async storm(random: Random): Promise<void> {
    const { clients, seconds, every, faults, features } = this.options;
    const kinds = faults.filter(kind => features.has('rebuilds') || !kind.endsWith('-rebuild'));
    const plan = planFaults(random.fork('faults'), 1_000 * seconds, 1_000 * every, kinds);
    const writing = Promise.all(
      Array.from({ length: clients }, (_, i) =>
        new Client(this.world, i, random.fork(`client ${i}`)).run(this.stop.signal),
      ),
    );
    const raging = Promise.all([this.faults.run(plan, this.stop.signal), delay(1_000 * seconds)]);
    // A client that fails ends the run at once.
    await Promise.race([raging, writing]);
    await raging;
    this.world.gateways.deadline = Date.now() + FINISH;
    this.stop.abort();
    await writing;
  }

  private get seconds(): number {
    return Math.round((Date.now() - this.began) / 1_000);
  }

  private report(checks: readonly Check[]): Report {
    const { model, gateways, reads } = this.world;
    return {
      seed: this.options.seed,
      seconds: this.seconds,
      acknowledged: model.counts(),
      faults: this.faults.counts,
      traffic: {
        ...gateways.traffic,
        'reads verified': reads.verified,
        'reads not answered': reads.unanswered,
        'reads that first missed an earlier event': reads['without an earlier event'],
      },
      checks,
      failures: failuresOf(checks),
    };
  }
}
