import { KEYS } from '../cluster.js';
import { type Answer, bearer, type Request } from '../gateways.js';
import type { Random } from '../random.js';
import type { World } from '../world.js';

/** Of all acknowledged writes, how many are sent once more under their old key. */
const REPEATED = 0.03;

/** Sends one client's writes, each under an idempotency key of its own. */
export class Sender {
  private count = 0;

  constructor(
    private readonly world: World,
    private readonly name: string,
    private readonly random: Random,
  ) {}

  /**
   * @param expected the statuses that the write may be answered with
   * @throws NoAnswerError
   */
  async send(
    request: Request,
    expected: readonly number[] = [200, 202],
    key: keyof typeof KEYS = 'server',
  ): Promise<Answer> {
    const keyed = {
      ...request,
      first: this.random.integer(0, 2),
      headers: {
        ...bearer(KEYS[key]),
        'Idempotency-Key': `${this.world.options.seed}-${this.name}-${this.count++}`,
        ...request.headers,
      },
    };
    const repeated = this.random.chance(REPEATED);
    const answer = await this.world.gateways.write(keyed, expected);
    if (repeated && accepted(answer)) await this.repeat(keyed, answer);
    return answer;
  }

  private async repeat(request: Request, first: Answer): Promise<void> {
    const again = await this.world.gateways.write(request, [200, 202]);
    const same = accepted(again) && eventIdOf(again) === eventIdOf(first);
    const replayed = again.headers.get('idempotency-replayed');
    const difference = `${request.method} ${request.path}: first ${first.text}, then ${again.status} ${again.text}, Idempotency-Replayed: ${replayed}`;
    this.world.findings.add(
      'repeated writes take effect once',
      same && replayed === 'true' ? undefined : difference,
    );
  }
}

export function accepted({ status }: Answer): boolean {
  return status === 200 || status === 202;
}

export function eventIdOf({ text }: Answer): string {
  return (JSON.parse(text) as { eventId: string }).eventId;
}
