/** Where a server that listens on `HOST` is reached from its own machine, as URLs have it. */
export function addressToCall(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
