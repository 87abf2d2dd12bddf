import { KEYS } from '../cluster.js';
import { bearer, type Gateways } from '../gateways.js';
import type { Model, Tally } from '../model.js';
import type { Check } from '../report.js';

interface BoardScores {
  readonly count: number;
  readonly sum: number;
  readonly last: number;
}

/** Every player's score document has, board by board, what was acknowledged since the last revocation. */
export async function checkScoreDocuments(gateways: Gateways, model: Model, when: string): Promise<Check> {
  const differences: string[] = [];
  const players = new Set([...model.boards.values()].flatMap(({ entries }) => [...entries.keys()]));
  for (const player of players) {
    const path = `/v1/players/${player}/scores`;
    const answer = await gateways.read({ path, headers: bearer(KEYS.server) }, [200]);
    if (answer?.status !== 200) {
      differences.push(`${player}: ${answer?.text ?? 'no answer'}`);
      continue;
    }
    const { boards } = JSON.parse(answer.text) as { boards: Readonly<Record<string, BoardScores>> };
    for (const [board, { entries }] of model.boards) {
      const difference = compareScores(boards[board], entries.get(player)?.tally);
      if (difference) differences.push(`${player} on ${board}: ${difference}`);
    }
  }
  return { name: `score documents equal the model${when}`, checked: players.size, differences };
}

function compareScores(actual: BoardScores | undefined, expected: Tally | undefined): string | undefined {
  if (!expected) return actual && actual.count > 0 ? `${actual.count} scores instead of none` : undefined;
  if (!actual) return `nothing instead of ${expected.count} scores`;
  const same =
    actual.count === expected.count && actual.sum === expected.sum && actual.last === expected.last;
  const brief = ({ count, sum, last }: BoardScores) => `${count} scores, sum ${sum}, last ${last}`;
  return same ? undefined : `${brief(actual)} instead of ${brief(expected)}`;
}

/** Every save reads as the last acknowledged version of it. */
export async function checkSaves(gateways: Gateways, model: Model, when: string): Promise<Check> {
  const differences: string[] = [];
  for (const [name, { document, version }] of model.saves) {
    const [player, slot] = name.split('/');
    const path = `/v1/players/${player}/saves/${slot}`;
    const answer = await gateways.read({ path, headers: bearer(KEYS.server) }, [200]);
    const etag = answer?.headers.get('etag');
    if (etag !== `"${version}"`) differences.push(`${name}: version ${etag} instead of "${version}"`);
    else if (answer?.text !== document) differences.push(`${name}: ${answer?.text.slice(0, 80)}`);
  }
  return { name: `saves equal the model${when}`, checked: model.saves.size, differences };
}
