import { readFileSync } from 'node:fs';

type Source = Readonly<Record<string, string | undefined>>;

const SECRETS = new Set<string>();

/** Marks a variable that is nobody's business. `<variable>_FILE` may name a file that holds it instead. */
export const Secret = () => (_schema: object, variable: string) => void SECRETS.add(variable);

export const isSecret = (variable: string): boolean => SECRETS.has(variable);

/** The variable that names the file of a secret. */
export const fileVariable = (secret: string): string => `${secret}_FILE`;

/**
 * Puts secrets that are kept in files in their place.
 *
 * @param variables that are read; of the others no file is opened
 * @param onFault told what is wrong with one, by name
 */
export function withSecretFiles(
  source: Source,
  variables: readonly string[],
  onFault: (message: string) => void,
): Source {
  const found: Record<string, string> = {};
  for (const secret of variables.filter(isSecret)) {
    const variable = fileVariable(secret);
    const path = source[variable];
    if (!path) continue;
    if (source[secret]) {
      onFault(`${secret} and ${variable} are set: give one of them`);
      continue;
    }
    try {
      found[secret] = withoutLastLineEnd(readFileSync(path, 'utf8'));
      if (found[secret] === '') onFault(`${variable}: the file ${path} is empty`);
    } catch (error) {
      onFault(`${variable}: ${path} cannot be read (${(error as Error).message})`);
    }
  }
  return { ...source, ...found };
}

function withoutLastLineEnd(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\n' || text[end - 1] === '\r') end -= 1;
  return text.slice(0, end);
}

/** Whether a secret is given, in its variable or in a file. */
export const isGiven = (source: Source, secret: string): boolean =>
  Boolean(source[secret] || source[fileVariable(secret)]);
