import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** What is needed of a Nest application. */
interface Listening {
  listen(port: number, host: string): Promise<unknown>;
  getHttpServer(): Server;
  close(): Promise<void>;
}

/**
 * Listens at a host, and at `localhost` at all its addresses.
 *
 * Left to itself, Fastify makes a server of its own for each further address of `localhost`, where the limits of
 * connections would not hold: they are listeners of the first server. Here the others hand it their connections.
 *
 * @returns closes the application, and all that listens
 */
export async function listenAt(
  app: Listening,
  port: number,
  host: string,
  addressesOf = allAddresses,
): Promise<() => Promise<void>> {
  const [first = host, ...others] = host === 'localhost' ? await addressesOf(host) : [host];
  await app.listen(port, first);
  const main = app.getHttpServer();
  const { port: taken } = main.address() as { port: number };
  const further = await Promise.all(others.map(address => handOver(main, taken, address)));
  return async () => {
    await Promise.all([app.close(), ...further.map(close)]);
  };
}

const allAddresses = async (host: string): Promise<string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** @returns a server that is not listening when it cannot: then the host is reached at its other addresses */
async function handOver(main: Server, port: number, host: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket =>
    main.emit('connection', socket),
  );
  server.listen(port, host);
  await once(server, 'listening').catch(() => {});
  return server;
}

const close = (server: Server): Promise<void> => new Promise(done => server.close(() => done()));

/** Whether another program has the port. */
export async function isTaken(port: number, host: string): Promise<boolean> {
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'EADDRINUSE';
  } finally {
    await close(server);
  }
}
