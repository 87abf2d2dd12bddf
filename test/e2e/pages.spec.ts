import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { System } from './support/system.js';
import { steady } from './support/tour.js';

/** Pages whose commands can be run in order. */
const PAGES = ['leaderboards', 'saves', 'players', 'cheaters'];

/** The commands of a page, each with the output that the page shows, if any. */
function examplesOf(page: string): [command: string, output: string | undefined][] {
  const text = readFileSync(`docs/${page}.md`, 'utf8');
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)\n```$/gm)].map(([, kind, body = '']) => ({
    kind,
    body,
  }));
  return blocks.flatMap(({ kind, body }, i) => {
    const next = blocks[i + 1];
    const output = next?.kind === 'json' || next?.kind === '' ? next.body : undefined;
    return kind === 'sh' ? [[body, output]] : [];
  });
}

const SEPARATOR = '---- next example ----';

describe('the pages in docs', () => {
  let system: System;
  beforeAll(async () => {
    system = await System.start();
  }, 60_000);
  afterAll(() => system.close(), 60_000);

  const here = (command: string) =>
    command
      .replaceAll('localhost:3000', `localhost:${system.port}`)
      .replaceAll(' data/', ` ${system.folder}/`);

  it.each(PAGES)(
    'print what they say: %s',
    page => {
      const examples = examplesOf(page);
      expect(examples.filter(([, output]) => output !== undefined).length).toBeGreaterThan(4);
      // One shell for all of them: later commands use variables of earlier ones.
      const script = examples.map(([command]) => `${here(command)}\necho '${SEPARATOR}'`).join('\n');
      const { stdout } = spawnSync('sh', ['-c', script], { timeout: 30_000 });
      const printed = stdout.toString().split(`${SEPARATOR}\n`);
      for (const [i, [command, output]] of examples.entries()) {
        if (output === undefined) continue;
        expect({ command, output: steady(printed[i]?.trim() ?? '') }).toEqual({
          command,
          output: steady(output),
        });
      }
    },
    60_000,
  );
});
