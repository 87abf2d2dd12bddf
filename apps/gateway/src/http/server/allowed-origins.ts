/** Origins of the own machine, on any port. */
const LOCALHOST = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** The origins whose pages may use the player's cookie. */
export class AllowedOrigins {
  /** @param listed origins, or `*` alone */
  constructor(
    private readonly listed: readonly string[],
    readonly allowsLocalhost: boolean,
  ) {}

  /** Whether pages of every origin may call, without cookies. */
  get isAny(): boolean {
    return this.listed.includes('*');
  }

  /** Without any, no page of another origin may call. */
  get isEmpty(): boolean {
    return this.listed.length === 0 && !this.allowsLocalhost;
  }

  /** What `@fastify/cors` compares an origin with. */
  get patterns(): (string | RegExp)[] {
    return this.allowsLocalhost ? [...this.listed, LOCALHOST] : [...this.listed];
  }

  /** Whether the origin is allowed by its name; `*` does not count. */
  has(origin: string): boolean {
    return this.listed.includes(origin) ? origin !== '*' : this.allowsLocalhost && LOCALHOST.test(origin);
  }
}
