import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Milliseconds between two signs of life, so that neither end nor any proxy takes the connection for dead. */
const HEARTBEAT_MS = 15_000;

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

/** An event as it is sent. One buffer can be sent to any number of clients. */
export const frameOf = ({ event, id, data }: ServerSentEvent): Buffer =>
  Buffer.from(`event: ${event}\nid: ${id}\ndata: ${data}\n\n`);

const RETRY = Buffer.from('retry: 1000\n\n');
const SIGN_OF_LIFE = Buffer.from(': heartbeat\n\n');

/** Server-sent events to one client. It begins with being made. */
export class EventStream {
  private readonly response: FastifyReply['raw'];

  constructor(reply: FastifyReply) {
    reply.hijack();
    this.response = reply.raw;
    // A write that meets the end of the connection fails by this event, and nobody else hears it of a hijacked reply.
    this.response.on('error', () => this.response.destroy());
    this.response.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...HEADERS });
    this.send(RETRY);
    const heartbeat = setInterval(() => this.send(SIGN_OF_LIFE), HEARTBEAT_MS);
    this.response.once('close', () => clearInterval(heartbeat));
  }

  /** @returns whether it was sent: not to a client that has yet to read what came before */
  send(frame: Buffer): boolean {
    if (this.response.writableNeedDrain || !this.response.writable) return false;
    this.response.write(frame);
    return true;
  }

  end(): void {
    this.response.end();
  }
}
