import { isIPv4, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** The client's address. After a connection reset there is none: Fastify would return `undefined` or throw. */
export function addressOf(request: FastifyRequest): string {
  return request.raw.socket.remoteAddress === undefined ? 'unknown' : request.ip;
}

/** The /56 of an IPv6 address, which is what a household or a company gets: 256 networks. */
export function siteOf(address: string): string {
  const network = networkOf(address);
  if (!network.includes(':')) return network;
  const [a, b, c, d = '0'] = network.split(':');
  return [a, b, c, (Number.parseInt(d, 16) & 0xff00).toString(16)].join(':');
}

/**
 * The address by which callers are counted. For IPv6 it is the /64 network, because one customer has all its 2^64 addresses.
 * The result is safe in a Redis key, whatever a proxy sent.
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const [plain = ''] = address.split('%', 1);
  if (!isIPv6(plain)) return 'unknown';
  // The URL parser normalises the address: lower case, no leading zeros, dotted quads as hexadecimal digits.
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const [left, right] = [head, tail ?? ''].map(part => part.split(':').filter(group => group !== '')) as [
    string[],
    string[],
  ];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const groups = [...left, ...zeros, ...right];
  return groups.slice(0, 6).join(':') === IPV4_MAPPED ? ipv4Of(groups) : groups.slice(0, 4).join(':');
}

/** The prefix of IPv4 addresses that are written as IPv6 addresses: `::ffff:10.1.2.3`, or `::ffff:a01:203`. */
const IPV4_MAPPED = '0:0:0:0:0:ffff';

const ipv4Of = (groups: readonly string[]) =>
  groups
    .slice(6)
    .map(group => Number.parseInt(group, 16))
    .flatMap(number => [number >> 8, number & 255])
    .join('.');
