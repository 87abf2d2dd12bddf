import { setTimeout as delay } from 'node:timers/promises';
import { KEYS } from './cluster.js';
import { type Answer, bearer, type Gateways, type Request } from './gateways.js';

export const PROJECTIONS = ['ranking', 'scores', 'saves'] as const;
export type Projection = (typeof PROJECTIONS)[number];

/** What the admin API says of a rebuild. */
interface Rebuild {
  readonly id: string;
  readonly state: string;
}

const PATH = '/v1/admin/rebuilds';
/** Milliseconds between two looks at a rebuild. */
const INTERVAL = 100;

/** Rebuilds, by way of the admin API. */
export class Rebuilds {
  /** The id of the one that was started last. */
  private latest: string | undefined;

  constructor(private readonly gateways: Gateways) {}

  /** Orders one. @returns false when another is running, or no gateway could take the order */
  async start(projection: Projection, board?: string): Promise<boolean> {
    return (await this.order(projection, board))?.status === 202;
  }

  /** Cancels the one that was started last, if there is one; it may have ended by then. */
  async cancel(): Promise<void> {
    if (this.latest === undefined) return;
    await this.call({ method: 'DELETE', path: `${PATH}/${this.latest}` }, [200, 202, 204, 404, 409]);
  }

  /**
   * Rebuilds a projection, once those that run have ended.
   *
   * @param within milliseconds
   * @throws Error when it is not done by then, or ends otherwise
   */
  async complete(projection: Projection, within: number): Promise<void> {
    const deadline = Date.now() + within;
    for (;;) {
      const answer = await this.order(projection);
      if (answer?.status === 202) break;
      if (Date.now() > deadline || (answer && answer.status !== 409))
        throw new Error(`${projection} cannot be rebuilt: ${answer?.text ?? 'no answer'}`);
      await delay(INTERVAL);
    }
    for (;;) {
      const answer = await this.call({ method: 'GET', path: `${PATH}/${this.latest}` }, [200]);
      const state = answer?.status === 200 ? (JSON.parse(answer.text) as Rebuild).state : 'unknown';
      if (state === 'done') return;
      if (Date.now() > deadline || /^(failed|cancell?ed)$/.test(state))
        throw new Error(`the rebuild of ${projection} is not done: ${answer?.text ?? 'no answer'}`);
      await delay(INTERVAL);
    }
  }

  private async order(projection: Projection, board?: string): Promise<Answer | undefined> {
    const body = JSON.stringify({ projection, ...(board !== undefined && { board }) });
    const answer = await this.call({ method: 'POST', path: PATH, body }, [202, 409]);
    if (answer?.status === 202) this.latest = (JSON.parse(answer.text) as Rebuild).id;
    return answer;
  }

  private call(request: Request, expected: readonly number[]): Promise<Answer | undefined> {
    return this.gateways.ask({ ...request, headers: bearer(KEYS.admin) }, expected);
  }
}
