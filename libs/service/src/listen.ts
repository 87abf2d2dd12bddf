import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** The methods of a Nest application that are used here. */
interface ListeningApp {
  listen(port: number, host: string): Promise<unknown>;
  getHttpServer(): Server;
  close(): Promise<void>;
}

/**
 * Listens on a host; for `localhost`, on all of its addresses.
 *
 * Fastify would create a separate server for each further address of `localhost`. The connection limits would not apply
 * there, because they are listeners of the first server. Here the other servers pass their connections on to the first one.
 *
 * @returns a function that closes the application and all servers
 */
export async function listenAt(
  app: ListeningApp,
  port: number,
  host: string,
  addressesOf = allAddresses,
): Promise<() => Promise<void>> {
  const [first = host, ...others] = host === 'localhost' ? await addressesOf(host) : [host];
  await app.listen(port, first);
  const main = app.getHttpServer();
  const { port: taken } = main.address() as { port: number };
  const further = await Promise.all(others.map(address => listenAndForward(main, taken, address)));
  return async () => {
    await Promise.all([app.close(), ...further.map(close)]);
  };
}

const allAddresses = async (host: string): Promise<string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** @returns a server that is not listening if the address cannot be used; the host is then reachable at its other addresses */
async function listenAndForward(main: Server, port: number, host: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket =>
    main.emit('connection', socket),
  );
  server.listen(port, host);
  await once(server, 'listening').catch(() => {});
  return server;
}

const close = (server: Server): Promise<void> => new Promise(done => server.close(() => done()));

/** Whether another process is listening on the port. */
export async function isPortInUse(port: number, host: string): Promise<boolean> {
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
