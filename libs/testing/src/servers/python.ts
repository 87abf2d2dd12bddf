import { spawnSync } from 'node:child_process';

/**
 * The command of a Python that has a module: `TEST_PYTHON`, or `python3`.
 *
 * @returns undefined when there is none; it then says which test is skipped
 */
export function pythonWith(module: string, test: string): string | undefined {
  const command = process.env.TEST_PYTHON || 'python3';
  if (spawnSync(command, ['-c', `import ${module}`]).status === 0) return command;
  console.warn(`skipped, as ${command} has no ${module}: "${test}"`);
  return undefined;
}
