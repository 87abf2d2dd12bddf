import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Comments are sent this often, so that neither end nor a proxy takes the connection for dead. */
const HEARTBEAT_MS = 15_000;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // nginx would buffer events otherwise.
  'X-Accel-Buffering': 'no',
  // A server that shuts down waits for idle connections, and would wait for a kept-alive one.
  Connection: 'close',
};

export interface ServerSentEvent {
  readonly event: string;
  readonly id: string;
  /** One line. */
  readonly data: string;
}

/** The bytes of an event. One buffer can be sent to any number of clients. */
export const frameOf = ({ event, id, data }: ServerSentEvent): Buffer =>
  Buffer.from(`event: ${event}\nid: ${id}\ndata: ${data}\n\n`);

const RETRY = Buffer.from('retry: 1000\n\n');
const SIGN_OF_LIFE = Buffer.from(': heartbeat\n\n');

/** Server-sent events to one client. The constructor sends the headers. */
export class EventStream {
  private readonly response: FastifyReply['raw'];

  constructor(reply: FastifyReply) {
    reply.hijack();
    this.response = reply.raw;
    // A write to a closed connection emits this event. Nobody else listens for it, since the reply is hijacked.
    this.response.on('error', () => this.response.destroy());
    this.response.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...HEADERS });
    this.send(RETRY);
    const heartbeat = setInterval(() => this.send(SIGN_OF_LIFE), HEARTBEAT_MS);
    this.response.once('close', () => clearInterval(heartbeat));
  }

  /** @returns false, without sending, while the client has not read the previous events */
  send(frame: Buffer): boolean {
    if (this.response.writableNeedDrain || !this.response.writable) return false;
    this.response.write(frame);
    return true;
  }

  end(): void {
    this.response.end();
  }
}
