import { Redis, type RedisOptions } from 'ioredis';

/** Milliseconds between two looks at where the name leads, at least; and while the server here takes no writes, at most. */
const LOOK_INTERVAL_MS = 500;
/** Milliseconds that the other server has to say who it is. */
const LOOK_TIMEOUT_MS = 1_000;
/** Milliseconds between two looks whether a server still answers on the connection. */
const SILENCE_LOOK_MS = 1_000;
/** With so many of them in a row without a byte, though commands wait, the connection is dead. */
const SILENT_LOOKS = 3;

/** What is answered by a server that may no longer be the one that its name stands for. */
const MAY_BE_REPLACED = /^(READONLY|MASTERDOWN|LOADING|UNBLOCKED|NOREPLICAS)/;

interface Identity {
  readonly runId: string | undefined;
  readonly takesWrites: boolean;
}

/**
 * Moves a connection to the server that its name leads to now.
 *
 * Behind one name (a proxy, a DNS record, Sentinels) the master can be replaced while the old one keeps its connections and
 * answers `READONLY`. Such an answer leads to a look through a new connection: where that reaches another server that takes
 * writes, this connection is ended, and the client connects anew. Where it reaches the same server, nothing is ended: reads
 * go on there.
 *
 * Nothing is sent again: what was under way is rejected, since it may have been executed.
 */
export class ConnectionWatch {
  private client: Redis | undefined;
  private isLooking = false;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private nextLook: NodeJS.Timeout | undefined;

  /** For the options of the client: it hears of each error that a server answers. It never has ioredis reconnect. */
  readonly reconnectOnError = (error: Error): boolean => {
    if (MAY_BE_REPLACED.test(error.message)) this.lookSoon();
    return false;
  };

  attach(client: Redis): void {
    this.client = client;
    watchSilence(client);
    client.on('end', () => clearTimeout(this.nextLook));
  }

  private lookSoon(): void {
    if (this.isLooking || this.nextLook) return;
    const wait = Math.max(0, this.lookedAt + LOOK_INTERVAL_MS - performance.now());
    this.nextLook = setTimeout(() => {
      this.nextLook = undefined;
      // Where it fails, the next answer of this kind leads to the next look.
      void this.look().catch(() => {});
    }, wait).unref();
  }

  private async look(): Promise<void> {
    const { client } = this;
    if (client?.status !== 'ready') return;
    this.isLooking = true;
    const isUseless = await this.moveOn(client).finally(() => {
      this.isLooking = false;
      this.lookedAt = performance.now();
    });
    // Nobody may write until the name leads elsewhere.
    if (isUseless) this.lookSoon();
  }

  /** @returns whether the connection stays where no writes are taken */
  private async moveOn(client: Redis): Promise<boolean> {
    const { stream } = client;
    const [here, there] = await Promise.all([identityOf(client), this.newConnection(client)]);
    if (!there?.takesWrites || here?.runId === there.runId) return here?.takesWrites === false;
    stream.destroy();
    return false;
  }

  private async newConnection(client: Redis): Promise<Identity | undefined> {
    const other = client.duplicate({
      ...ONCE,
      connectionName: `${client.options.connectionName ?? ''}:look`,
    });
    other.on('error', () => {});
    try {
      await other.connect();
      return await identityOf(other);
    } catch {
      return undefined;
    } finally {
      other.disconnect();
    }
  }
}

const ONCE: Partial<RedisOptions> = {
  lazyConnect: true,
  enableOfflineQueue: false,
  retryStrategy: null,
  sentinelRetryStrategy: () => null,
  reconnectOnError: null,
  failoverDetector: false,
  connectTimeout: LOOK_TIMEOUT_MS,
  commandTimeout: LOOK_TIMEOUT_MS,
};

async function identityOf(redis: Redis): Promise<Identity | undefined> {
  try {
    const info = await redis.info('server', 'replication', 'persistence');
    const [, runId] = /^run_id:(\w+)/m.exec(info) ?? [];
    return { runId, takesWrites: /^role:master/m.test(info) && !/^loading:1/m.test(info) };
  } catch {
    return undefined;
  }
}

/**
 * Ends a connection on which nothing is answered any more: its server may have vanished without a word, and the system would
 * notice only after many minutes. What waits on it has been given up before.
 */
export function watchSilence(client: Redis): void {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => clearInterval(timer);
  client.on('ready', () => {
    stop();
    const { stream } = client;
    let [bytes, looks] = [stream.bytesRead, 0];
    timer = setInterval(() => {
      const isSilent = commandsWaiting(client) > 0 && stream.bytesRead === bytes;
      looks = isSilent ? looks + 1 : 0;
      bytes = stream.bytesRead;
      if (looks >= SILENT_LOOKS) stream.destroy();
    }, SILENCE_LOOK_MS).unref();
  });
  for (const event of ['close', 'end']) client.on(event, stop);
}

/** ioredis keeps to itself what it has sent and not been answered. */
function commandsWaiting(client: Redis): number {
  return (client as unknown as { commandQueue: { length: number } }).commandQueue.length;
}
