import type { Random } from '../random.js';
import type { World } from '../world.js';
import type { Sender } from './sender.js';

/**
 * Lets players be who are then erased. The model is told nothing of them: whatever is left of one, in the log, on a board,
 * or in what a rebuild makes, is more than there should be.
 */
export class ErasureClient {
  private count = 0;

  constructor(
    private readonly world: World,
    private readonly name: string,
    private readonly sender: Sender,
    private readonly random: Random,
  ) {}

  async comeAndGo(): Promise<void> {
    const player = `gone-${this.name}-${this.count++}`;
    const boards = [...this.world.model.boards.keys()];
    for (let scores = this.random.integer(1, 4); scores > 0; scores--) {
      const body = JSON.stringify({ player, score: this.random.integer(0, 1_000) });
      await this.sender.send({
        method: 'POST',
        path: `/v1/leaderboards/${this.random.pick(boards)}/scores`,
        body,
      });
    }
    await this.sender.send({
      method: 'PUT',
      path: `/v1/players/${player}/saves/auto`,
      body: '{"gone":true}',
    });
    await this.sender.send({ method: 'DELETE', path: `/v1/players/${player}` }, [200, 202], 'admin');
  }
}
