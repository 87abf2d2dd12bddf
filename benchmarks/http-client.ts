import { Agent, request } from 'node:http';

export interface Reply<T> {
  readonly status: number;
  readonly body: T;
}

/** A minimal HTTP client with keep-alive connections, so that the server is measured and not the client. */
export class HttpClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 128 });

  constructor(
    private readonly port: number,
    private readonly key: string,
  ) {}

  /** @param body sent as JSON */
  send<T>(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Reply<T>> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply<T>>();
    const call = request(
      {
        ...{ agent: this.agent, host: '127.0.0.1', port: this.port, method, path },
        headers: {
          Authorization: `Bearer ${this.key}`,
          ...(body && { 'Content-Type': 'application/json' }),
          ...headers,
        },
      },
      response => {
        const chunks: Buffer[] = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) }),
        );
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(body && JSON.stringify(body));
    return promise;
  }

  /** @throws Error when the status is not 200 */
  async get<T>(path: string): Promise<T> {
    const { status, body } = await this.send<T>('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  close(): void {
    this.agent.destroy();
  }
}
