import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

type Source = Readonly<Record<string, string | undefined>>;

const SECRETS = new Set<string>();

/** Bytes that a file with a secret has, at most: room for a thousand keys. */
const MAX_FILE_BYTES = 64 * 1024;

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
      found[secret] = withoutLastLineEnd(readSmallFile(path));
      if (found[secret] === '')
        onFault(
          `${variable}: the file ${path} is empty: write the secret into it, or leave the variable out`,
        );
    } catch (error) {
      onFault(
        `${variable}: ${path} cannot be read (${(error as Error).message}): name a file of at most ${MAX_FILE_BYTES} bytes that holds the secret`,
      );
    }
  }
  return { ...source, ...found };
}

/**
 * Reads a file, or one that a link leads to. Nothing else: a device has no end, and a pipe is read once, while each
 * process of `npm start` reads the file again.
 *
 * @throws Error that says why it cannot
 */
function readSmallFile(path: string): string {
  // Without O_NONBLOCK, to open a pipe waits for its writer, and to read some files of /proc for news.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is a folder, a pipe, or a device, and no file');
    // Files of /proc say that they are empty: what is there is read, whatever the size.
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

function withoutLastLineEnd(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\n' || text[end - 1] === '\r') end -= 1;
  return text.slice(0, end);
}

/** Whether a secret is given, in its variable or in a file. */
export const isGiven = (source: Source, secret: string): boolean =>
  Boolean(source[secret] || source[fileVariable(secret)]);
