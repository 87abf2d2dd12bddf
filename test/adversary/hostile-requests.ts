import { gzipSync } from 'node:zlib';
import type { Random } from '../chaos/random.js';
import type { ApiDocument } from '../e2e/support/bad-input.js';

/** The credentials that an attacker can have: none, a guest's, a trusted server's that was stolen, or nonsense. */
export type Credentials = readonly string[];

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'PROPFIND'];

const TYPES = [
  'application/json',
  'application/x-ndjson',
  'application/merge-patch+json',
  'application/json-patch+json',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-7',
  '',
];

const HEADERS = [
  'Prefer',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'If-Unmodified-Since',
  'If-Applied',
  'Last-Event-ID',
  'Accept',
  'Accept-Encoding',
  'Content-Encoding',
  'Cookie',
  'Origin',
  'Range',
  'Expect',
  'Upgrade',
  'Connection',
  'Transfer-Encoding',
  'X-Forwarded-For',
  'X-HTTP-Method-Override',
  'traceparent',
  'Access-Control-Request-Method',
];

const QUERIES = [
  'limit',
  'offset',
  'cursor',
  'period',
  'radius',
  'path',
  'version',
  'name',
  'ifApplied',
  'count',
  'x',
];

/** Requests as bytes: each is made of something that a route takes, and of something that none should. */
export class HostileRequests {
  private readonly routes: { readonly method: string; readonly template: string }[];

  constructor(
    { paths }: ApiDocument,
    private readonly credentials: Credentials,
    private readonly random: Random,
  ) {
    const documented = Object.entries(paths).flatMap(([template, operations]) =>
      Object.keys(operations).map(method => ({ method: method.toUpperCase(), template })),
    );
    const others = [
      '/',
      '//v1/leaderboards',
      '/docs',
      '/docs/../../package.json',
      '/openapi.json',
      '/session',
      '/nothing',
    ];
    this.routes = [...documented, ...others.map(template => ({ method: 'GET', template }))];
  }

  next(): Buffer {
    if (this.random.chance(0.05)) return this.noise(this.random.integer(1, 3_000));
    const bytes = this.request();
    if (this.random.chance(0.1)) this.damage(bytes);
    return bytes;
  }

  private request(): Buffer {
    const { method, template } = this.random.pick(this.routes);
    const verb = this.random.chance(0.1) ? this.random.pick(METHODS) : method;
    const body = verb === 'GET' && this.random.chance(0.9) ? undefined : this.body();
    const lines = [
      `${verb} ${this.path(template)} HTTP/1.${this.random.chance(0.05) ? 0 : 1}`,
      'Host: localhost',
      ...this.authorization(),
      ...(body === undefined ? [] : [`Content-Type: ${this.random.pick(TYPES)}`]),
      ...Array.from(
        { length: this.random.integer(0, 4) },
        () => `${this.random.pick(HEADERS)}: ${this.headerValue()}`,
      ),
    ];
    return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), framed(body, this.random)]);
  }

  private authorization(): string[] {
    const credential = this.random.pick(this.credentials);
    return credential ? [`Authorization: Bearer ${credential}`] : [];
  }

  private path(template: string): string {
    const path = template.replace(/\{(\w+)}/g, (_, name: string) =>
      this.random.chance(0.6) ? this.usualId(name) : encoded(this.text(70)),
    );
    const query = Array.from(
      { length: this.random.chance(0.5) ? this.random.integer(1, 4) : 0 },
      () => `${this.random.pick(QUERIES)}=${this.queryValue()}`,
    );
    return query.length > 0 ? `${path}?${query.join('&')}` : path;
  }

  private usualId(name: string): string {
    if (name === 'player') return this.random.pick(['me', 'ada', 'bob']);
    if (name === 'slot') return this.random.pick(['auto', 's1', 's2']);
    return this.random.pick(['canary', 'board-1', 'board-2', 'board-3']);
  }

  private queryValue(): string {
    return this.random.pick([
      () => String(this.random.integer(-2, 1_002)),
      () => '%00',
      () => '%',
      () => encoded(this.text(200)),
      () => encoded(`$[?@.${'a'.repeat(this.random.integer(1, 50))} == 1 || @..b]`),
      () => encoded(`$${'..*'.repeat(this.random.integer(1, 20))}`),
      () => 'current',
      () => '9'.repeat(this.random.integer(1, 400)),
    ])();
  }

  private headerValue(): string {
    return this.random.pick([
      () => '',
      () => 'wait=1',
      () => `wait=${' '.repeat(this.random.integer(1, 4_000))}x"y`,
      () => '*',
      () => `W/"${this.random.integer(0, 5)}"`,
      () => Array.from({ length: this.random.integer(1, 300) }, (_, n) => `"${n}"`).join(', '),
      () => 'gzip',
      () => 'chunked',
      () => '100-continue',
      () => 'text/event-stream',
      () => this.text(1_000).replace(/[\r\n]/g, ' '),
      () => `${'a=b; '.repeat(this.random.integer(1, 500))}`,
      () => `bytes=${'0-1,'.repeat(this.random.integer(1, 500))}`,
    ])();
  }

  private body(): Buffer {
    const text = this.random.pick([
      () => '{}',
      () => JSON.stringify({ score: this.random.integer(0, 1_000) }),
      () => `{"score":${this.number()},"attributes":{"a":${this.number()}}}`,
      () => '['.repeat(this.random.integer(1, 100_000)),
      () => `{"a":`.repeat(this.random.integer(1, 2_000)),
      () => `{${Array.from({ length: this.random.integer(1, 20_000) }, (_, n) => `"k${n}":${n}`).join()}}`,
      () => `{"__proto__":{"x":1},"constructor":{"prototype":{}},"score":1}`,
      () =>
        `{"scores":[${Array.from({ length: this.random.integer(1, 1_500) }, () => `{"board":"board-${this.random.integer(1, 4)}","score":${this.number()},"${this.text(5).replace(/["\\]/g, '')}":1}`).join()}]}`,
      () =>
        JSON.stringify({ players: Array.from({ length: this.random.integer(0, 1_200) }, (_, n) => `p${n}`) }),
      () =>
        JSON.stringify(
          Array.from({ length: this.random.integer(1, 500) }, (_, n) => ({
            op: this.random.pick(['add', 'copy', 'move', 'test', 'remove']),
            path: `/a/${n}`,
            from: '/a',
            value: n,
          })),
        ),
      () => JSON.stringify({ name: this.text(50), avatar: this.text(300) }),
      () => JSON.stringify({ text: this.text(10_000) }),
      () => this.text(500),
      () => `\ufeff{"score":1}\n{"board":"board-1","player":"ada","score":2}\n`,
    ])();
    const bytes = this.random.chance(0.03)
      ? Buffer.alloc(this.random.integer(1, 300_000), '9')
      : Buffer.from(text);
    return this.random.chance(0.1) ? gzipSync(bytes) : bytes;
  }

  private number(): string {
    return this.random.pick([
      '1',
      '-0',
      '1e308',
      '-1e400',
      '9007199254740993',
      '0.1',
      '9'.repeat(this.random.integer(1, 5_000)),
      `1e-${'9'.repeat(20)}`,
      'null',
      '"1"',
    ]);
  }

  private text(length: number): string {
    const alphabet = [
      'a',
      '0',
      '.',
      ':',
      '-',
      ' ',
      '"',
      '\\',
      '{',
      '%',
      '\u0000',
      '\u202e',
      '🎲',
      '\ud800',
      'é',
      '\r\n',
      '/',
    ];
    return Array.from({ length: this.random.integer(0, length) }, () => this.random.pick(alphabet)).join('');
  }

  private noise(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.random.integer(0, 256)));
  }

  private damage(bytes: Buffer): void {
    for (let left = this.random.integer(1, 6); left > 0; left--)
      bytes[this.random.integer(0, bytes.length)] = this.random.integer(0, 256);
  }
}

/** The end of the headers and the body, framed by its length, in chunks, or wrongly. */
function framed(body: Buffer | undefined, random: Random): Buffer {
  if (body === undefined) return Buffer.from('\r\n\r\n');
  if (random.chance(0.2)) {
    const head = `\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`;
    return Buffer.concat([Buffer.from(head), body, Buffer.from('\r\n0\r\n\r\n')]);
  }
  const length = random.chance(0.1) ? random.integer(0, 2 * body.length + 2) : body.length;
  return Buffer.concat([Buffer.from(`\r\nContent-Length: ${length}\r\n\r\n`), body]);
}

const encoded = (text: string) => encodeURIComponent(text.toWellFormed());
