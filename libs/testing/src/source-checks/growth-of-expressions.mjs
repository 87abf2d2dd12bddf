// Reads a JSON list of [source, flags] from its input, and prints for each how the time of a match grows with the text.
// A program of its own: in the contexts of Jest, recheck is twenty times slower.
import { text } from 'node:stream/consumers';

/** Milliseconds for one expression; most take a tenth of a second. */
const CHECK_MS = 20_000;

// Its JavaScript: the others are a JVM, and a program for each platform.
process.env.RECHECK_BACKEND = 'pure';
const { check } = await import('recheck');

const growths = [];
for (const [source, flags] of JSON.parse(await text(process.stdin))) {
  const result = await check(source, flags, { timeout: CHECK_MS });
  growths.push(result.status === 'unknown' ? `unknown: ${result.error.kind}` : result.complexity.type);
}
process.stdout.write(JSON.stringify(growths));
