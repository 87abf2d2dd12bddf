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
  /** Number of connections. Each sends its next request when it has a response. Default: 64. */
  readonly connections?: number;
}

/**
 * Sends requests in turn on all connections for a fixed time.
 *
 * @throws Error when any response is not 2xx, because fast failures must not count
 */
export async function load(
  url: string,
  requests: readonly Request[],
  { seconds, connections = 64 }: Load,
): Promise<Figures> {
  let next = 0;
  const result = await autocannon({
    ...{ url, connections, duration: seconds, sampleInt: 100 },
    // Each connection starts at a different request, so that they do not all send the same one at once.
    setupClient: client => {
      const first = Math.floor((next++ * requests.length) / connections);
      client.setRequests([...requests.slice(first), ...requests.slice(0, first)].map(each => ({ ...each })));
    },
  });
  const { '2xx': good, non2xx, errors, duration, latency } = result;
  if (errors + non2xx > 0)
    throw new Error(
      `${url}${requests[0]?.path}: ${good} responses were 2xx, ${non2xx} were not, and ${errors} requests failed`,
    );
  return { 'req/s': good / duration, 'p50 ms': latency.p50, 'p99 ms': latency.p99 };
}
