/** User, password and TLS, of whatever kind of Redis. */
export interface RedisAccess {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: boolean | undefined;
}

/** One server. What its URL says of user, password and TLS goes before the rest. */
export interface ServerAddress extends RedisAccess {
  readonly url: string;
}

/** A Redis Cluster. */
export interface ClusterAddress extends RedisAccess {
  /** Some of its nodes, as `host:port`: the others are learnt from them. */
  readonly nodes: readonly string[];
}

/** One server of several, which Sentinels choose. */
export interface SentinelAddress extends RedisAccess {
  /** As `host:port`. */
  readonly sentinels: readonly string[];
  /** The name by which the Sentinels know the server. */
  readonly master: string;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
}

/** Where Redis is, and how to be let in. */
export type RedisAddress = ServerAddress | ClusterAddress | SentinelAddress;

/** Where Redis is, for logs and messages: without passwords. */
export function nameOfAddress(address: RedisAddress): string {
  if ('nodes' in address) return `the cluster ${address.nodes.join(',')}`;
  if ('sentinels' in address) return `${address.master} of the Sentinels ${address.sentinels.join(',')}`;
  return withoutPassword(address.url);
}

/** Where a server is, for logs and messages. */
export function withoutPassword(url: string): string {
  const [scheme, at] = [url.indexOf('//'), url.lastIndexOf('@')];
  const shown = scheme === -1 || at < scheme ? url : `${url.slice(0, scheme)}//***${url.slice(at)}`;
  return shown.split('?', 1)[0] ?? '';
}

/** @param text `host:port`, with an IPv6 address in brackets */
export function parseHostAndPort(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(at + 1)) };
}
