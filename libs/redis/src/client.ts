import { Redis } from 'ioredis';

export type RedisClient = Redis;

/** Milliseconds after which a command to a silent server fails. */
const COMMAND_TIMEOUT = 1_500;

const reconnect = (attempt: number) => Math.min(50 * attempt, 1_000);

/**
 * A connection for commands. Commands of one turn of the event loop travel together.
 *
 * It fails fast and never guesses: without a connection, a command is rejected at once; when the connection
 * breaks, what is under way is rejected and not sent again, since it may have been executed.
 *
 * @returns a client that is not connected yet: call `connect()`
 */
export function createClient(url: string, name: string): RedisClient {
  return quiet(
    new Redis(url, {
      connectionName: name,
      lazyConnect: true,
      enableAutoPipelining: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT,
      connectTimeout: 2_000,
      retryStrategy: reconnect,
    }),
  );
}

/**
 * A connection of its own for commands that block, to the same server.
 *
 * @param silence milliseconds without an answer after which the connection counts as dead
 */
export function createBlockingClient(client: RedisClient, name: string, silence: number): RedisClient {
  return quiet(
    client.duplicate({
      connectionName: name,
      lazyConnect: true,
      enableAutoPipelining: false,
      commandTimeout: undefined,
      socketTimeout: silence,
      // Whoever blocks has a loop with a back-off of its own.
      retryStrategy: null,
    }),
  );
}

// Every failed command is rejected to its caller; the event beside it would end the process.
function quiet(client: RedisClient): RedisClient {
  return client.on('error', () => {});
}
