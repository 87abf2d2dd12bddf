import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Milliseconds between two signs of life, so that neither end nor any proxy takes the connection for dead. */
const HEARTBEAT = 15_000;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // Proxies of the nginx kind would collect events until a buffer is full.
  'X-Accel-Buffering': 'no',
  // What comes after the stream is the end of it, also for the server that waits for its connections to be idle.
  Connection: 'close',
};

export interface ServerSentEvent {
  readonly event: string;
  readonly id: string;
  /** One line. */
  readonly data: string;
}

/** Server-sent events to one client. It begins with being made. */
export class EventStream {
  private readonly response: FastifyReply['raw'];

  constructor(reply: FastifyReply) {
    reply.hijack();
    this.response = reply.raw;
    this.response.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...HEADERS });
    this.write('retry: 1000\n\n');
    const heartbeat = setInterval(() => this.write(': heartbeat\n\n'), HEARTBEAT);
    this.response.once('close', () => clearInterval(heartbeat));
  }

  /** @returns whether it was sent: not to a client that has yet to read what came before */
  send({ event, id, data }: ServerSentEvent): boolean {
    return this.write(`event: ${event}\nid: ${id}\ndata: ${data}\n\n`);
  }

  end(): void {
    this.response.end();
  }

  private write(text: string): boolean {
    if (this.response.writableNeedDrain || !this.response.writable) return false;
    this.response.write(text);
    return true;
  }
}
