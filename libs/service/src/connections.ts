import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Gauge } from 'prom-client';
import { Connection } from './connection.js';

export interface ConnectionLimits {
  /**
   * Connections. Of more, those that have been silent for longest are ended. `maxConnections` of Node would turn the
   * new ones away instead, health checks among them: whoever opens many and is silent could lock all others out.
   */
  readonly connections: number;
  /** Milliseconds in which a client must take at least some of an answer. */
  readonly readWithinMs: number;
  /** Bytes of answers that clients have yet to read, over all connections. */
  readonly unreadBytes: number;
  /** Bytes of requests that have not come to their end, over all connections. */
  readonly unfinishedBytes: number;
  /** Bytes of such a request that count, at most: no route keeps more of a body. */
  readonly bodyBytes: number;
  /** Requests that one connection may send before it has the answers. */
  readonly pipelined: number;
  /** The same over all connections. */
  readonly pipelinedTotal: number;
  /** Milliseconds that a refused client has to read why. */
  readonly lingerMs: number;
  /** Milliseconds between two looks at all connections. */
  readonly lookMs: number;
}

const MIB = 1024 * 1024;

/** Milliseconds that a connection may be idle, or held up by its client, when the server closes. */
const IDLE_WHEN_CLOSING_MS = 250;
const STALLED_WHEN_CLOSING_MS = 1_500;

const LIMITS: ConnectionLimits = {
  connections: 10_000,
  readWithinMs: 30_000,
  unreadBytes: 64 * MIB,
  unfinishedBytes: 128 * MIB,
  bodyBytes: MIB,
  pipelined: 100,
  pipelinedTotal: 2_000,
  lingerMs: 2_000,
  lookMs: 100,
};

/**
 * The connections of an HTTP server, which it ends when they hold more than their share: those of clients that do not
 * read, do not finish what they send, or do not close.
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

  /** @returns what is known of the connection; from the first call on, an error of it ends nothing but itself */
  of(socket: Socket): Connection {
    const known = this.connections.get(socket);
    if (known) return known;
    const connection = new Connection(socket, this.limits.lingerMs);
    this.connections.set(socket, connection);
    // A socket that HTTP has let go of, as after CONNECT, has no other listener: its reset would end the process.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      connection.forget();
      this.connections.delete(socket);
    });
    return connection;
  }

  find(socket: Socket): Connection | undefined {
    return this.connections.get(socket);
  }

  /** Ends connections that are over a limit of theirs, and some of those over a limit of all. */
  look(): void {
    const now = performance.now();
    const all = [...this.connections.values()];
    this.waiting = 0;
    for (const connection of all) {
      connection.observe(now);
      if (connection.isOverdue(now, this.limits.readWithinMs)) connection.socket.destroy();
      else this.waiting += connection.waiting;
    }
    this.relieve(all, () => 1, this.limits.connections);
    this.relieve(all, ({ unreadBytes }) => unreadBytes, this.limits.unreadBytes);
    this.relieve(
      all,
      ({ unfinishedBytes }) => Math.min(unfinishedBytes, this.limits.bodyBytes),
      this.limits.unfinishedBytes,
    );
  }

  /**
   * For a server that closes: from now on, ends connections as soon as no request is under way on them, or their client
   * holds one up. Left to itself, the server waits for clients that never said anything, or stopped in the middle.
   */
  drain(): void {
    const end = () => {
      const now = performance.now();
      for (const connection of this.connections.values()) {
        connection.observe(now);
        const patience = connection.isIdle ? IDLE_WHEN_CLOSING_MS : STALLED_WHEN_CLOSING_MS;
        if (connection.stalledFor(now) >= patience) connection.socket.destroy();
      }
    };
    setInterval(end, this.limits.lookMs).unref();
  }

  /** @returns whether one more request may wait for its turn on a connection */
  admits(connection: Connection): boolean {
    const { pipelined, pipelinedTotal } = this.limits;
    if (connection.waiting === 0) return true;
    this.waiting += 1;
    return connection.waiting < pipelined && this.waiting < pipelinedTotal;
  }

  /** Bytes of answers that are kept until they are read. */
  get unreadBytes(): number {
    let sum = 0;
    for (const { unreadBytes } of this.connections.values()) sum += unreadBytes;
    return sum;
  }

  /** Ends those that hold something and have moved no bytes for longest, until no more than the limit is held. */
  private relieve(all: readonly Connection[], held: (connection: Connection) => number, limit: number): void {
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
 * Bounds what clients of an HTTP server can have it keep. Requests of one connection are answered one after the other,
 * so that a client holds one answer, however many requests it sends. Call it before other hooks are added.
 */
export function limitConnections(fastify: FastifyInstance, connections = new Connections()): Connections {
  const timer = setInterval(() => connections.look(), connections.limits.lookMs).unref();
  fastify.server.on('connection', (socket: Socket) => connections.of(socket));
  fastify.addHook('onRequest', ({ raw }, reply, done) => {
    // Requests that tests inject have no connection.
    if (!(raw.socket instanceof Socket)) return done();
    const connection = connections.of(raw.socket);
    if (connections.admits(connection)) connection.takeTurn(raw, reply.raw, done);
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
    limited.delete(connections);
    done();
  });
  limited.add(connections);
  return connections;
}

/** The servers of this process. */
const limited = new Set<Connections>();

const sumOf = (figure: (connections: Connections) => number) =>
  [...limited].reduce((sum, connections) => sum + figure(connections), 0);

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
