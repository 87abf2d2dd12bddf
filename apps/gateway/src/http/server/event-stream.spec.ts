import { Writable } from 'node:stream';
import { jest } from '@jest/globals';
import type { FastifyReply } from 'fastify';
import { EventStream, frameOf } from './event-stream.js';

/** A response whose client reads only when it is told to. */
class FakeResponse extends Writable {
  status = 0;
  headers: Record<string, unknown> = {};
  text = '';
  private stalled: (() => void)[] = [];
  isReading = true;

  constructor() {
    super({ highWaterMark: 64 });
  }

  writeHead(status: number, headers: Record<string, unknown>): void {
    Object.assign(this, { status, headers });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.isReading) done();
    else this.stalled.push(done);
  }

  read(): void {
    this.isReading = true;
    for (const done of this.stalled.splice(0)) done();
  }
}

describe('a stream of server-sent events', () => {
  let response: FakeResponse;
  let stream: EventStream;
  const hijack = jest.fn();

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    response = new FakeResponse();
    const reply = { raw: response, hijack, getHeaders: () => ({ 'x-request-id': '7' }) };
    stream = new EventStream(reply as unknown as FastifyReply);
  });
  afterEach(() => {
    response.destroy();
    jest.useRealTimers();
  });

  const flushed = () => new Promise(resolve => setImmediate(resolve));

  it('begins with headers against caching and buffering, and the retry time', () => {
    expect(hijack).toHaveBeenCalled();
    expect(response.status).toBe(200);
    expect(response.headers).toEqual({
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      Connection: 'close',
      'x-request-id': '7',
    });
    expect(response.text).toBe('retry: 1000\n\n');
  });

  it('writes events, each with its id', () => {
    expect(stream.send(frameOf({ event: 'snapshot', id: 'a1', data: '{}' }))).toBe(true);
    expect(response.text).toBe('retry: 1000\n\nevent: snapshot\nid: a1\ndata: {}\n\n');
  });

  it('sends heartbeats until it is closed', async () => {
    jest.advanceTimersByTime(45_000);
    expect(response.text.match(/: heartbeat\n\n/g)).toHaveLength(3);
    response.destroy();
    await flushed();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('skips events for a client that does not read, and continues when it does', async () => {
    response.isReading = false;
    const send = (id: string) => stream.send(frameOf({ event: 'update', id, data: 'x'.repeat(100) }));
    expect(send('1')).toBe(true);
    for (let i = 0; i < 1_000; i++) expect(send('lost')).toBe(false);
    jest.advanceTimersByTime(60_000);
    expect(response.writableLength).toBeLessThan(200);
    response.read();
    await flushed();
    expect(send('2')).toBe(true);
    expect(response.text).not.toContain('lost');
  });

  it('sends nothing after its end', async () => {
    stream.end();
    await flushed();
    expect(stream.send(frameOf({ event: 'update', id: '1', data: '' }))).toBe(false);
  });
});
