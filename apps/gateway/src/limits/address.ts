import { isIPv4, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** The client's address. A connection that was reset has none any more, and Fastify would answer `undefined` or throw. */
export function addressOf(request: FastifyRequest): string {
  return request.raw.socket.remoteAddress === undefined ? 'unknown' : request.ip;
}

/** Of an address of IPv6, the site: a household or a firm is given a /56, which is 256 networks. */
export function siteOf(address: string): string {
  const network = networkOf(address);
  if (!network.includes(':')) return network;
  const [a, b, c, d = '0'] = network.split(':');
  return [a, b, c, (Number.parseInt(d, 16) & 0xff00).toString(16)].join(':');
}

/**
 * What stands for an address where callers are counted by it: of IPv6 the network, for whoever has one address
 * has all 2^64 of it. It is safe in a key, whatever a proxy claims.
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const [plain = ''] = address.split('%', 1);
  if (!isIPv6(plain)) return 'unknown';
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain) ?? [];
  if (mapped) return mapped;
  // The URL standard's form: lower case, no leading zeros, dotted quads as hexadecimal digits.
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const [left, right] = [head, tail ?? ''].map(part => part.split(':').filter(group => group !== '')) as [
    string[],
    string[],
  ];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}
