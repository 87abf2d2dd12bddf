import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../chaos/random.js';

/** Milliseconds after which a client stops waiting for an answer. */
const PATIENCE_MS = 3_000;

/** How a client sends and receives. `answers` is told of each status line that it sees. */
type Behaviour = (socket: Socket, requests: readonly Buffer[]) => Promise<unknown>;

/** Clients that break off, dawdle, and do not read, each with a connection of its own. */
export class HostileClients {
  /** How often each status was answered. */
  readonly statuses = new Map<number, number>();
  private readonly behaviours: readonly Behaviour[];

  constructor(
    private readonly port: number,
    private readonly random: Random,
  ) {
    this.behaviours = [
      (socket, requests) => this.sendAll(socket, requests),
      (socket, requests) => this.sendAll(socket, requests),
      (socket, requests) => this.sendInPieces(socket, requests),
      (socket, requests) => this.resetEarly(socket, requests),
      (socket, requests) => this.endEarly(socket, requests),
      (socket, requests) => this.neverRead(socket, requests),
    ];
  }

  /** One connection, from its opening to its end. */
  async visit(next: () => Buffer): Promise<void> {
    const requests = Array.from({ length: this.random.integer(1, 4) }, next);
    const behave = this.random.pick(this.behaviours);
    const socket = connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: this.random.chance(0.2) });
    socket.on('error', () => {});
    socket.on('data', data => this.count(data));
    const closed = new Promise<void>(done => socket.once('close', () => done()));
    await behave(socket, requests);
    socket.destroy();
    await closed;
  }

  private async sendAll(socket: Socket, requests: readonly Buffer[]): Promise<void> {
    for (const request of requests) socket.write(request);
    await this.untilQuiet(socket);
  }

  private async sendInPieces(socket: Socket, requests: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(requests);
    const pieces = this.random.integer(2, 12);
    for (let piece = 0; piece < pieces && !socket.destroyed; piece++) {
      socket.write(bytes.subarray((bytes.length * piece) / pieces, (bytes.length * (piece + 1)) / pieces));
      await delay(this.random.integer(0, 20));
    }
    await this.untilQuiet(socket);
  }

  private async resetEarly(socket: Socket, requests: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(requests);
    socket.write(bytes.subarray(0, this.random.integer(1, bytes.length + 1)));
    await delay(this.random.pick([0, 1, 2, 10, 50]));
    socket.resetAndDestroy();
  }

  private async endEarly(socket: Socket, requests: readonly Buffer[]): Promise<void> {
    socket.end(Buffer.concat(requests));
    await this.untilQuiet(socket);
  }

  private async neverRead(socket: Socket, requests: readonly Buffer[]): Promise<void> {
    socket.pause();
    for (const request of requests) socket.write(request);
    await delay(this.random.integer(50, 1_500));
  }

  /** Until the server has closed the connection, or has said nothing for a moment. */
  private async untilQuiet(socket: Socket): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (let seen = -1; performance.now() < deadline && !socket.closed && seen !== socket.bytesRead; ) {
      seen = socket.bytesRead;
      await delay(200);
    }
  }

  private count(data: Buffer): void {
    for (const [, status] of data.toString('latin1').matchAll(/^HTTP\/1\.1 (\d{3}) /gm))
      this.statuses.set(Number(status), (this.statuses.get(Number(status)) ?? 0) + 1);
  }
}
