import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A name that leads to one of several servers, as a hosted Redis gives it: new connections go to the server of now, those
 * that there are stay where they are.
 */
export class OneName {
  private readonly sockets = new Set<Socket>();
  /** Bytes of existing connections go nowhere any more, in either direction. */
  private isSilent = false;

  private constructor(
    private readonly server: Server,
    private target: number,
  ) {
    server.on('connection', socket => this.forward(socket));
  }

  /** @param target the port that it leads to at first */
  static async open(target: number): Promise<OneName> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new OneName(server, target);
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  get connections(): number {
    return this.sockets.size;
  }

  leadTo(target: number): void {
    this.target = target;
  }

  /** The machine behind the connections that there are vanishes: nobody says so. */
  silence(): void {
    for (const socket of this.sockets) socket.pause().removeAllListeners('data');
    this.isSilent = true;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private forward(from: Socket): void {
    this.isSilent = false;
    const to = connect(this.target, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.sockets.add(one);
      one.on('data', data => other.write(data));
      one.on('error', () => {});
      one.on('close', () => {
        this.sockets.delete(one);
        if (!this.isSilent) other.destroy();
      });
    }
  }
}
