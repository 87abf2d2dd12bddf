import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

type Source = Readonly<Record<string, string | undefined>>;

const secretVariables = new Set<string>();

/** Maximum size of a secret file: enough for a thousand keys. */
const MAX_FILE_BYTES = 64 * 1024;

/** Marks a variable as a secret: error messages never show it, and `<variable>_FILE` can name a file that contains it. */
export const Secret = () => (_schema: object, variable: string) => void secretVariables.add(variable);

export const isSecret = (variable: string): boolean => secretVariables.has(variable);

/** The name of the variable that contains the path of the secret file. */
export const secretFileVariable = (secret: string): string => `${secret}_FILE`;

/**
 * Returns the source with the content of secret files filled in.
 *
 * @param variables the variables to read; files of other secrets are not opened
 * @param onFault called with a message that names the variable when its file cannot be used
 */
export function readSecretFiles(
  source: Source,
  variables: readonly string[],
  onFault: (message: string) => void,
): Source {
  const found: Record<string, string> = {};
  for (const secret of variables.filter(isSecret)) {
    const variable = secretFileVariable(secret);
    const path = source[variable];
    if (!path) continue;
    if (source[secret]) {
      onFault(`${secret} and ${variable} are set: set only one of them`);
      continue;
    }
    try {
      found[secret] = trimTrailingNewlines(readSmallFile(path));
      if (found[secret] === '')
        onFault(`${variable}: the file ${path} is empty: write the secret to it, or unset the variable`);
    } catch (error) {
      onFault(
        `${variable}: ${path} cannot be read (${(error as Error).message}): name a file of at most ${MAX_FILE_BYTES} bytes that holds the secret`,
      );
    }
  }
  return { ...source, ...found };
}

/**
 * Reads a regular file; links are followed. Devices and pipes are rejected: a device has no end, and a pipe can be read only
 * once, although every process of `npm start` reads the file.
 *
 * @throws Error with the reason
 */
function readSmallFile(path: string): string {
  // Without O_NONBLOCK, opening a pipe blocks until it has a writer, and reading some files in /proc blocks too.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is a folder, a pipe, or a device, not a file');
    // Do not rely on the reported size: files in /proc report 0.
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    if (length > MAX_FILE_BYTES) throw new Error('it is too large');
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

function trimTrailingNewlines(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\n' || text[end - 1] === '\r') end -= 1;
  return text.slice(0, end);
}

/** Whether a secret is set, either in its variable or in a file. */
export const isSecretSet = (source: Source, secret: string): boolean =>
  Boolean(source[secret] || source[secretFileVariable(secret)]);
