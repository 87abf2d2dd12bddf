import { once } from 'node:events';
import type { Server } from 'node:net';
import { connect } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { eventually } from '#libs/testing';
import { type ConnectionLimits, Connections, limitConnections } from './connections.js';
import { listenAt } from './listen.js';

/** A name with two addresses, like `localhost` on most machines. */
const ADDRESSES = ['127.0.0.1', '127.0.0.2'];

describe('a server at localhost', () => {
  let server: FastifyInstance;
  let connections: Connections;
  let close: () => Promise<void>;

  const start = async (limits: Partial<ConnectionLimits> = {}) => {
    server = fastify({ forceCloseConnections: 'idle' });
    connections = new Connections({ checkIntervalMs: 20, ...limits });
    limitConnections(server, connections);
    server.get('/', () => 'served');
    const app = {
      listen: (port: number, host: string) => server.listen({ port, host }),
      getHttpServer: () => server.server as Server,
      close: () => server.close(),
    };
    close = await listenAt(app, 0, 'localhost', async () => ADDRESSES);
  };
  const port = () => (server.server.address() as { port: number }).port;
  const open = async (host: string) => {
    const socket = connect(port(), host);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  afterEach(() => close());

  it('serves each address and tracks all connections before their first request', async () => {
    await start();
    for (const host of ADDRESSES)
      expect(await (await fetch(`http://${host}:${port()}/`)).text()).toBe('served');
    const { size } = connections;
    const sockets = await Promise.all(ADDRESSES.map(open));
    await eventually(() => expect(connections.size).toBe(size + 2));
    for (const socket of sockets) socket.destroy();
  });

  it('accepts no connections after it is closed', async () => {
    await start();
    const [idle] = await Promise.all(ADDRESSES.map(open));
    await close();
    expect(idle?.destroyed || (await once(idle as never, 'close'))).toBeTruthy();
    for (const host of ADDRESSES) await expect(fetch(`http://${host}:9`)).rejects.toThrow();
  });

  it('closes the connection that has been inactive for longest when there are too many', async () => {
    await start({ connections: 2 });
    const first = await open('127.0.0.2');
    await eventually(() => expect(connections.size).toBe(1));
    const others = [await open('127.0.0.1')];
    await eventually(() => expect(connections.size).toBe(2));
    others.push(await open('127.0.0.1'));
    await once(first, 'close');
    expect(others.some(({ destroyed }) => destroyed)).toBe(false);
    for (const socket of others) socket.destroy();
  });
});
