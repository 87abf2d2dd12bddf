import { setTimeout as delay } from 'node:timers/promises';
import { CHANGING_BOARD } from '../boards.js';
import type { Random } from '../random.js';
import type { World } from '../world.js';
import { ErasureClient } from './erasure-client.js';
import { SavesClient } from './saves-client.js';
import { ScoresClient } from './scores-client.js';
import { Sender } from './sender.js';

/** Milliseconds between two calls of one client, at most. */
const PAUSE = 40;

interface Action {
  /** How often it comes, relative to the others. */
  readonly weight: number;
  run(): Promise<void>;
}

/** A client: a trusted game server that alone writes for some players, one call after the other. */
export class Client {
  private readonly actions: readonly Action[];
  private readonly choices: Random;
  private readonly pauses: Random;

  constructor(world: World, index: number, random: Random) {
    this.choices = random.fork('choices');
    this.pauses = random.fork('pauses');
    const { clients, players } = world.options;
    const own = Array.from({ length: players }, (_, player) => player)
      .filter(player => player % clients === index)
      .map(player => `p${player}`);
    this.actions = own.length > 0 ? actionsOf(world, index, own, random) : [];
  }

  /** Writes and reads until told to stop; what is under way is brought to an end. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && this.actions.length > 0) {
      await this.choose().run();
      await delay(this.pauses.integer(0, PAUSE));
    }
  }

  private choose(): Action {
    const total = this.actions.reduce((sum, { weight }) => sum + weight, 0);
    let rest = this.choices.next() * total;
    const chosen = this.actions.find(({ weight }) => {
      rest -= weight;
      return rest < 0;
    });
    return chosen ?? this.choices.pick(this.actions);
  }
}

function actionsOf(world: World, index: number, players: readonly string[], random: Random): Action[] {
  const { features } = world.options;
  const sender = new Sender(world, `c${index}`, random.fork('sender'));
  const scores = new ScoresClient(world, players, sender, random.fork('scores'));
  const saves = new SavesClient(world, players, sender, random.fork('saves'));
  const actions: Action[] = [
    { weight: 65, run: () => scores.submit() },
    { weight: 20, run: () => saves.put() },
    { weight: 10, run: () => scores.look() },
  ];
  if (features.has('revocations')) actions.push({ weight: 2, run: () => scores.revoke() });
  const erasures = new ErasureClient(world, `c${index}`, sender, random.fork('erasures'));
  if (features.has('erasures')) actions.push({ weight: 1, run: () => erasures.comeAndGo() });
  if (features.has('bans')) actions.push({ weight: 1, run: () => scores.moderate() });
  // One writer for definitions, too: the log's order is then the model's.
  if (features.has('definitions') && features.has('redefinitions') && index === 0)
    actions.push({ weight: 3, run: () => scores.redefine(CHANGING_BOARD) });
  return actions;
}
