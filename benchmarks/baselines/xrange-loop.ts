import { createClient } from '#libs/redis';

/**
 * Reads a whole stream without processing it, and requests the next page before the current one is counted. Sends the
 * number of entries per second of the second pass.
 */
const [, , url = '', stream = ''] = process.argv;
const PAGE_ENTRIES = 1_000;

const redis = createClient(url, 'xrange-loop');
await redis.connect();
const read = (from: string) => redis.xrange(stream, `(${from}`, '+', 'COUNT', PAGE_ENTRIES);

async function readAll(): Promise<number> {
  const began = performance.now();
  let count = 0;
  for (let next = read('0-0'); ; ) {
    const page = await next;
    const last = page.at(-1);
    if (!last) return (count * 1_000) / (performance.now() - began);
    next = read(last[0]);
    count += page.length;
  }
}

// The first pass warms up the process.
await readAll();
process.send?.(await readAll());
redis.disconnect();
