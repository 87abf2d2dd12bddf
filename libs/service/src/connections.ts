import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Gauge } from 'prom-client';
import { Connection } from './connection.js';

export interface ConnectionLimits {
  /**
   * Maximum number of connections. Above it, the connections that have been inactive for longest are closed. Node's
   * `maxConnections` would reject new ones instead, health checks included, so one client with many idle connections could
   * lock out all others.
   */
  readonly connections: number;
  /** A client must read at least some of a response within this many milliseconds. */
  readonly readTimeoutMs: number;
  /** Maximum bytes of unread responses, over all connections. */
  readonly unreadBytes: number;
  /** Maximum bytes of incomplete requests, over all connections. */
  readonly unfinishedBytes: number;
  /** At most this many bytes of an incomplete request count, because no route buffers more of a body. */
  readonly bodyBytes: number;
  /** Maximum number of requests that one connection may send ahead of the responses. */
  readonly pipelined: number;
  /** The same limit over all connections. */
  readonly pipelinedTotal: number;
  /** How many milliseconds a client has to read the last response before its connection is closed. */
  readonly lingerMs: number;
  /** How often the limits are enforced, in milliseconds. */
  readonly checkIntervalMs: number;
}

const MIB = 1024 * 1024;

/** During shutdown, connections are closed after they have been idle, or stalled by the client, for this long. */
const IDLE_WHEN_CLOSING_MS = 250;
const STALLED_WHEN_CLOSING_MS = 1_500;

const LIMITS: ConnectionLimits = {
  connections: 10_000,
  readTimeoutMs: 30_000,
  unreadBytes: 64 * MIB,
  unfinishedBytes: 128 * MIB,
  bodyBytes: MIB,
  pipelined: 100,
  pipelinedTotal: 2_000,
  lingerMs: 2_000,
  checkIntervalMs: 100,
};

/**
 * Tracks the connections of an HTTP server and closes those that exceed the limits: of clients that do not read, do not
 * complete their requests, or stay idle.
 */
export class Connections {
  private readonly connections = new Map<Socket, Connection>();
  readonly limits: ConnectionLimits;
  private waiting = 0;

  constructor(limits: Partial<ConnectionLimits> = {}) {
    this.limits = { ...LIMITS, ...limits };
  }

  get size(): number {
    return this.connections.size;
  }

  /** Returns the connection of a socket. The first call starts tracking it, and handles its errors from then on. */
  track(socket: Socket): Connection {
    const known = this.connections.get(socket);
    if (known) return known;
    const connection = new Connection(socket, this.limits.lingerMs);
    this.connections.set(socket, connection);
    // A socket that HTTP has released, such as after CONNECT, has no other listener, so a reset would end the process.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      connection.clear();
      this.connections.delete(socket);
    });
    return connection;
  }

  find(socket: Socket): Connection | undefined {
    return this.connections.get(socket);
  }

  /** Closes connections that exceed a limit of their own, and enough others to get below the total limits. */
  enforceLimits(): void {
    const now = performance.now();
    const all = [...this.connections.values()];
    this.waiting = 0;
    for (const connection of all) {
      connection.observe(now);
      if (connection.isOverdue(now, this.limits.readTimeoutMs)) connection.socket.destroy();
      else this.waiting += connection.queuedTurns;
    }
    this.closeMostInactive(all, () => 1, this.limits.connections);
    this.closeMostInactive(all, ({ unreadBytes }) => unreadBytes, this.limits.unreadBytes);
    this.closeMostInactive(
      all,
      ({ unfinishedBytes }) => Math.min(unfinishedBytes, this.limits.bodyBytes),
      this.limits.unfinishedBytes,
    );
  }

  /**
   * For shutdown: from now on, closes connections that are idle or stalled by their clients. By itself, the server would wait
   * for clients that never sent anything or stopped in the middle of a request.
   */
  drain(): void {
    const end = () => {
      const now = performance.now();
      for (const connection of this.connections.values()) {
        connection.observe(now);
        const patience = connection.isIdle ? IDLE_WHEN_CLOSING_MS : STALLED_WHEN_CLOSING_MS;
        if (connection.stalledMs(now) >= patience) connection.socket.destroy();
      }
    };
    setInterval(end, this.limits.checkIntervalMs).unref();
  }

  /** @returns whether one more request may be queued on the connection */
  canQueue(connection: Connection): boolean {
    const { pipelined, pipelinedTotal } = this.limits;
    if (connection.queuedTurns === 0) return true;
    this.waiting += 1;
    return connection.queuedTurns < pipelined && this.waiting < pipelinedTotal;
  }

  /** Bytes of responses that are buffered until clients read them. */
  get unreadBytes(): number {
    let sum = 0;
    for (const { unreadBytes } of this.connections.values()) sum += unreadBytes;
    return sum;
  }

  /** Closes the connections that hold something and have been inactive for longest, until the total is within the limit. */
  private closeMostInactive(
    all: readonly Connection[],
    held: (connection: Connection) => number,
    limit: number,
  ): void {
    let sum = all.reduce((bytes, connection) => bytes + held(connection), 0);
    if (sum <= limit) return;
    const holders = all.filter(connection => held(connection) > 0);
    for (const connection of holders.sort((a, b) => a.lastMovedAt - b.lastMovedAt)) {
      if (sum <= limit) return;
      sum -= held(connection);
      connection.socket.destroy();
    }
  }
}

/**
 * Limits how much memory clients of an HTTP server can hold. Requests of one connection are handled one after the other, so
 * that a client holds at most one response, however many requests it sends. Call it before adding other hooks.
 */
export function limitConnections(fastify: FastifyInstance, connections = new Connections()): Connections {
  const timer = setInterval(() => connections.enforceLimits(), connections.limits.checkIntervalMs).unref();
  fastify.server.on('connection', (socket: Socket) => connections.track(socket));
  fastify.addHook('onRequest', ({ raw }, reply, done) => {
    // Injected requests in tests have no socket.
    if (!(raw.socket instanceof Socket)) return done();
    const connection = connections.track(raw.socket);
    if (connections.canQueue(connection)) connection.takeTurn(raw, reply.raw, done);
    else raw.socket.destroy();
  });
  fastify.addHook('onResponse', ({ raw }, _reply, done) => {
    connections.find(raw.socket)?.endTurn();
    done();
  });
  fastify.addHook('preClose', done => {
    connections.drain();
    done();
  });
  fastify.addHook('onClose', (_fastify, done) => {
    clearInterval(timer);
    activeServers.delete(connections);
    done();
  });
  activeServers.add(connections);
  return connections;
}

/** The connections of each server in this process, for the metrics. */
const activeServers = new Set<Connections>();

const sumOf = (figure: (connections: Connections) => number) =>
  [...activeServers].reduce((sum, connections) => sum + figure(connections), 0);

new Gauge({
  name: 'questlog_http_connections',
  help: 'Open connections of HTTP clients',
  collect() {
    this.set(sumOf(({ size }) => size));
  },
});

new Gauge({
  name: 'questlog_http_unread_bytes',
  help: 'Bytes of answers that clients have yet to read, kept in memory',
  collect() {
    this.set(sumOf(({ unreadBytes }) => unreadBytes));
  },
});
