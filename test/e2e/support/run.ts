import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a program to its end without blocking. @returns its exit status and output */
export async function run(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<{ status: number; output: string }> {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, ...environment } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk));
  const [status] = await once(child, 'close');
  return { status, output };
}

/** Runs `npm run verify` with the given settings. */
export const verify = (environment: NodeJS.ProcessEnv) =>
  run(process.execPath, ['dist/scripts/verify.js'], environment);
