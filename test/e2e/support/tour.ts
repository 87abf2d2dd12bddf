import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The commands of the tour, each with the output that the README shows, if any. */
export function tour(): [command: string, output: string | undefined][] {
  const [, section = ''] = readFileSync('README.md', 'utf8').split(/^## A five-minute tour$/m);
  const [text = ''] = section.split(/^## /m);
  const blocks = [...text.matchAll(/^```(sh|json)\n([\s\S]*?)\n```$/gm)].map(([, kind, body = '']) => ({
    kind,
    body,
  }));
  return blocks.flatMap(({ kind, body }, i) => {
    const next = blocks[i + 1];
    return kind === 'sh' ? [[body, next?.kind === 'json' ? next.body : undefined]] : [];
  });
}

/** Replaces what differs between runs: ids of events and keys, times, guests, and their secrets. */
export const steady = (output: string) =>
  output
    .replace(/"[sp](?:\d+|\*)-\d+-\d+"/g, '"<event>"')
    .replace(/"(player|playerId)":"p[a-z2-7]{20}"/g, '"$1":"<guest>"')
    .replace(/"id":"p[a-z2-7]{20}"/g, '"id":"<guest>"')
    .replace(/"(token|secret)":"[\w-]+"/g, '"$1":"<secret>"')
    .replace(/"code":"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}"/g, '"code":"<code>"')
    .replace(/"id":"[\da-f]{6}"/g, '"id":"<key>"')
    .replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"<time>"')
    .replace(/"\d{4}-W\d\d"/g, '"<week>"');

/**
 * Runs the tour. Each command must print what the README says.
 *
 * @param setKeys the shell command that sets `KEY` and `ADMIN`
 * @param folder replaces the tour's `data`
 */
export function giveTour(setKeys: string, port: number, folder: string): void {
  const here = (command: string) =>
    command.replaceAll('localhost:3000', `localhost:${port}`).replaceAll(' data/', ` ${folder}/`);
  for (const [command, output] of tour().slice(1)) {
    const { stdout } = spawnSync('sh', [
      '-c',
      `${here(setKeys)}\n${here(command).replace('curl', 'curl -sS')}`,
    ]);
    expect({ command, output: steady(stdout.toString()) }).toEqual({ command, output: steady(output ?? '') });
  }
}
