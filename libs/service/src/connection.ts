import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A request that is being answered. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the socket had read when the request began. */
  readonly bytesReadBefore: number;
}

/** The undocumented part of a TCP socket that tells how much of a write in progress the kernel has not taken. */
interface WithHandle {
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

/** One client connection: whose turn it is, and what memory it holds. */
export class Connection {
  private exchange: Exchange | undefined;
  private readonly turns: (() => void)[] = [];
  private closesAt = Number.POSITIVE_INFINITY;
  private lastWritten = 0;
  private lastQueued = 0;
  private lastRead = 0;
  /** When the client last took some of an answer, or had nothing to take. */
  private readAt = performance.now();
  private movedAt = performance.now();

  constructor(
    readonly socket: Socket,
    private readonly lingerMs: number,
  ) {}

  /** Requests and refusals that wait for the answer before theirs. */
  get waiting(): number {
    return this.turns.length;
  }

  /** When bytes last went in either direction. */
  get lastMovedAt(): number {
    return this.movedAt;
  }

  /** Whether no request has come that is not answered; one whose headers are incomplete has not come. */
  get isIdle(): boolean {
    return this.exchange === undefined && this.turns.length === 0;
  }

  /** Milliseconds for which nothing has moved that only the client could move. */
  stalledFor(now: number): number {
    const isWaitedFor = !this.exchange?.request.complete || this.unreadBytes > 0;
    return isWaitedFor ? now - this.movedAt : 0;
  }

  get isClosing(): boolean {
    return this.closesAt < Number.POSITIVE_INFINITY;
  }

  /** Bytes of answers that this process keeps until the client reads them. */
  get unreadBytes(): number {
    return this.socket.writableLength;
  }

  /** Bytes of a request that is not complete. */
  get unfinishedBytes(): number {
    const { exchange } = this;
    return exchange && !exchange.request.complete ? this.socket.bytesRead - exchange.bytesReadBefore : 0;
  }

  /** Begins a request: at once, or after the answers to those that came before it on this connection. */
  takeTurn(request: IncomingMessage, response: ServerResponse, begin: () => void): void {
    const turn = () => {
      this.exchange = { request, response, bytesReadBefore: this.socket.bytesRead };
      begin();
    };
    if (this.exchange) this.turns.push(turn);
    else turn();
  }

  /** The answer has been handed to the kernel. */
  endTurn(): void {
    this.exchange = undefined;
    this.turns.shift()?.();
  }

  forget(): void {
    this.exchange = undefined;
    this.turns.length = 0;
  }

  /**
   * Sends an answer that belongs to no request, and closes the connection. An answer that is due for an earlier request
   * comes first: the client would take this one for it.
   */
  refuse(answer: string): void {
    const { exchange } = this;
    if (this.isClosing) return;
    if (exchange?.request.complete) this.turns.push(() => this.refuse(answer));
    else if (exchange?.response.headersSent) this.socket.destroy();
    else this.closeWith(answer);
  }

  /** The client gets some time to read it. Closed at once, with bytes unread, TCP would throw the answer away. */
  private closeWith(answer: string): void {
    this.forget();
    this.closesAt = performance.now() + this.lingerMs;
    if (this.socket.writable) this.socket.end(answer);
    // What the client still sends is dropped, so that the end of it is seen.
    this.socket.resume();
  }

  /** Notes what has moved since the last look. */
  observe(now: number): void {
    const { socket } = this;
    const queued = (socket as unknown as WithHandle)._handle?.writeQueueSize ?? 0;
    const written = socket.bytesWritten - socket.writableLength;
    const isReading = written !== this.lastWritten || queued !== this.lastQueued;
    if (isReading || socket.writableLength === 0) this.readAt = now;
    if (isReading || socket.bytesRead !== this.lastRead) this.movedAt = now;
    this.lastWritten = written;
    this.lastQueued = queued;
    this.lastRead = socket.bytesRead;
  }

  /** Whether the client has taken none of an answer for too long, or has had its time to read why it is refused. */
  isOverdue(now: number, readWithinMs: number): boolean {
    return now >= this.closesAt || now - this.readAt >= readWithinMs;
  }
}
