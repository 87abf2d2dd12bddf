import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A request and its response. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** `bytesRead` of the socket when the request began. */
  readonly bytesReadBefore: number;
}

/** An undocumented part of a TCP socket: how many bytes of the current write the kernel has not accepted yet. */
interface SocketWithHandle {
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

/** One client connection: the order of its requests, and the memory that it holds. */
export class Connection {
  private exchange: Exchange | undefined;
  private readonly turns: (() => void)[] = [];
  private closesAt = Number.POSITIVE_INFINITY;
  private lastWritten = 0;
  private lastQueued = 0;
  private lastRead = 0;
  /** When the client last read some of a response, or had nothing to read. */
  private readAt = performance.now();
  private movedAt = performance.now();

  constructor(
    readonly socket: Socket,
    private readonly lingerMs: number,
  ) {}

  /** Number of requests that wait for the responses to earlier requests. */
  get queuedTurns(): number {
    return this.turns.length;
  }

  /** When bytes were last transferred in either direction. */
  get lastMovedAt(): number {
    return this.movedAt;
  }

  /** True when no request is waiting for a response. A request with incomplete headers does not count. */
  get isIdle(): boolean {
    return this.exchange === undefined && this.turns.length === 0;
  }

  /** How long the server has been waiting for the client to send or read something; 0 when it is not waiting. */
  stalledMs(now: number): number {
    const isWaitedFor = !this.exchange?.request.complete || this.unreadBytes > 0;
    return isWaitedFor ? now - this.movedAt : 0;
  }

  get isClosing(): boolean {
    return this.closesAt < Number.POSITIVE_INFINITY;
  }

  /** Bytes of responses that this process buffers until the client reads them. */
  get unreadBytes(): number {
    return this.socket.writableLength;
  }

  /** Bytes received of an incomplete request. */
  get unfinishedBytes(): number {
    const { exchange } = this;
    return exchange && !exchange.request.complete ? this.socket.bytesRead - exchange.bytesReadBefore : 0;
  }

  /** Starts a request at once, or after the responses to earlier requests on this connection. */
  takeTurn(request: IncomingMessage, response: ServerResponse, begin: () => void): void {
    const turn = () => {
      this.exchange = { request, response, bytesReadBefore: this.socket.bytesRead };
      begin();
    };
    if (this.exchange) this.turns.push(turn);
    else turn();
  }

  /** Call when the response has been handed to the kernel. Starts the next request. */
  endTurn(): void {
    this.exchange = undefined;
    this.turns.shift()?.();
  }

  clear(): void {
    this.exchange = undefined;
    this.turns.length = 0;
  }

  /**
   * Sends a raw response that belongs to no request, and closes the connection. A pending response to an earlier request is
   * sent first, because the client would mistake this one for it.
   */
  answerAndClose(answer: string): void {
    const { exchange } = this;
    if (this.isClosing) return;
    if (exchange?.request.complete) this.turns.push(() => this.answerAndClose(answer));
    else if (exchange?.response.headersSent) this.socket.destroy();
    else this.closeWith(answer);
  }

  /** Lets the client read the response before closing. Closing at once, with unread bytes, would make TCP discard it. */
  private closeWith(answer: string): void {
    this.clear();
    this.closesAt = performance.now() + this.lingerMs;
    if (this.socket.writable) this.socket.end(answer);
    // Discard what the client still sends, so that the end of its stream is noticed.
    this.socket.resume();
  }

  /** Records which bytes were transferred since the last call. */
  observe(now: number): void {
    const { socket } = this;
    const queued = (socket as unknown as SocketWithHandle)._handle?.writeQueueSize ?? 0;
    const written = socket.bytesWritten - socket.writableLength;
    const isReading = written !== this.lastWritten || queued !== this.lastQueued;
    if (isReading || socket.writableLength === 0) this.readAt = now;
    if (isReading || socket.bytesRead !== this.lastRead) this.movedAt = now;
    this.lastWritten = written;
    this.lastQueued = queued;
    this.lastRead = socket.bytesRead;
  }

  /** True when the client has not read anything of a response for too long, or the time to read the last response is over. */
  isOverdue(now: number, readWithinMs: number): boolean {
    return now >= this.closesAt || now - this.readAt >= readWithinMs;
  }
}
