import autocannon from 'autocannon';
import type { Figures } from './comparison.js';

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Load {
  readonly seconds: number;
  /** Each asks again as soon as it is answered. */
  readonly connections?: number;
}

/**
 * Sends requests in turn, on all connections, as fast as they are answered.
 *
 * @throws Error when any answer is not 2xx: what is fast because it fails is not fast
 */
export async function load(
  url: string,
  requests: readonly Request[],
  { seconds, connections = 64 }: Load,
): Promise<Figures> {
  let next = 0;
  const result = await autocannon({
    ...{ url, connections, duration: seconds, sampleInt: 100 },
    // Each connection begins elsewhere, so that not all ask for the same at once.
    setupClient: client => {
      const first = Math.floor((next++ * requests.length) / connections);
      client.setRequests([...requests.slice(first), ...requests.slice(0, first)].map(each => ({ ...each })));
    },
  });
  const { '2xx': good, non2xx, errors, duration, latency } = result;
  if (errors + non2xx > 0)
    throw new Error(
      `${url}${requests[0]?.path}: ${good} answers were good, ${non2xx} were not, ${errors} did not come`,
    );
  return { 'req/s': good / duration, 'p50 ms': latency.p50, 'p99 ms': latency.p99 };
}
