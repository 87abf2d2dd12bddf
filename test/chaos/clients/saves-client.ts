import { KEYS } from '../cluster.js';
import { type Answer, bearer } from '../gateways.js';
import type { Save } from '../model.js';
import type { Random } from '../random.js';
import type { World } from '../world.js';
import { accepted, eventIdOf, type Sender } from './sender.js';

const SLOTS = ['auto', 'manual'];
/** Bytes that a document is filled up with, at most. */
const PADDING = 2_000;
const READ_BACK = 0.25;

/** A condition on a write, and whether it holds. */
interface Condition {
  readonly headers: Readonly<Record<string, string>>;
  readonly holds: boolean;
}

/** What one client does to saves: it alone writes those of its players. */
export class SavesClient {
  private counter = 0;

  constructor(
    private readonly world: World,
    private readonly players: readonly string[],
    private readonly sender: Sender,
    private readonly random: Random,
  ) {}

  async put(): Promise<void> {
    const player = this.random.pick(this.players);
    const slot = this.random.pick(SLOTS);
    const { model } = this.world;
    const before = model.saves.get(`${player}/${slot}`);
    const document = JSON.stringify({
      counter: this.counter++,
      owner: player,
      padding: 'x'.repeat(this.random.integer(0, PADDING)),
    });
    const { headers, holds } = this.condition(before);
    const readBack = this.random.chance(READ_BACK);
    const path = `/v1/players/${player}/saves/${slot}`;
    const answer = await this.sender.send(
      { method: 'PUT', path, body: document, headers },
      holds ? [200, 202] : [412],
    );
    this.judgeVersion(path, (before?.version ?? 0) + (holds ? 1 : 0), answer);
    if (!accepted(answer)) return;
    const save = { document, version: (before?.version ?? 0) + 1 };
    model.saved(eventIdOf(answer), player, slot, save);
    if (readBack) await this.readBack(path, eventIdOf(answer), save);
  }

  private condition(before: Save | undefined): Condition {
    const dice = this.random.next();
    const version = before?.version ?? 0;
    if (dice < 0.3 && before) return { headers: { 'If-Match': `"${version}"` }, holds: true };
    if (dice < 0.35) return { headers: { 'If-Match': `"${version + 1}"` }, holds: false };
    if (dice < 0.4) return { headers: { 'If-None-Match': '*' }, holds: !before };
    return { headers: {}, holds: true };
  }

  /** A write counts its slot's version on by one; a refused one tells which is the current one. */
  private judgeVersion(path: string, expected: number, { status, headers }: Answer): void {
    const etag = headers.get('etag');
    // There is no version to tell before the first.
    const right = etag === (expected > 0 ? `"${expected}"` : null);
    const difference = `PUT ${path}: ${status} with version ${etag} instead of "${expected}"`;
    this.world.findings.add('save versions count on', right ? undefined : difference);
  }

  private async readBack(path: string, eventId: string, { document, version }: Save): Promise<void> {
    const { gateways, reads, findings } = this.world;
    const headers = { ...bearer(KEYS.server), 'If-Applied': eventId };
    const answer = await gateways.read({ path, headers, first: this.random.integer(0, 2) }, [200]);
    if (!answer) {
      reads.unanswered += 1;
      return;
    }
    reads.verified += 1;
    const etag = answer.headers.get('etag');
    const right = answer.text === document && etag === `"${version}"`;
    const difference = `${path}: version ${etag} instead of "${version}", ${answer.text.slice(0, 60)}`;
    findings.add('reads show every acknowledged write', right ? undefined : difference);
  }
}
