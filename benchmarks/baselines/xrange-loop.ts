import { createClient } from '#libs/redis';

/**
 * Reads a stream from end to end, and does nothing with it: the next page is asked for while one is at hand. Says how
 * many entries a second that were, the second time.
 */
const [, , url = '', stream = ''] = process.argv;
const PAGE = 1_000;

const redis = createClient(url, 'xrange-loop');
await redis.connect();
const read = (from: string) => redis.xrange(stream, `(${from}`, '+', 'COUNT', PAGE);

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

// A process that has just started is slow.
await readAll();
process.send?.(await readAll());
redis.disconnect();
