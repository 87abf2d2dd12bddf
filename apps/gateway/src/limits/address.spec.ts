import { globSync, readFileSync } from 'node:fs';
import type { FastifyRequest } from 'fastify';
import { addressOf, networkOf, siteOf } from './address.js';

describe('the network of an address', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['::ffff:a01:203', '10.1.2.3'],
    ['0:0:0:0:0:FFFF:0A01:0203', '10.1.2.3'],
    ['::ffff:0:0', '0.0.0.0'],
    ['::1', '0:0:0:0'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:0DB8:0000:0012:ffff:ffff:ffff:ffff', '2001:db8:0:12'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['64:ff9b::10.1.2.3', '64:ff9b:0:0'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it.each(['', 'unknown', '1.2.3', '1.2.3.4:80', '{evil}', '::1\nx', '1.2.3.4, 5.6.7.8'])(
    'of %j, which is none, is one for all',
    text => {
      expect(networkOf(text)).toBe('unknown');
    },
  );
});

describe('the site of an address', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:1234:5::6', '2001:db8:1:1200'],
    ['2001:db8:1:12ff::', '2001:db8:1:1200'],
    ['2001:db8:1:1300::', '2001:db8:1:1300'],
    ['2001:db8:1:99::', '2001:db8:1:0'],
    ['nonsense', 'unknown'],
  ])('of %s is %s', (address, site) => {
    expect(siteOf(address)).toBe(site);
  });
});

describe('the address of a request', () => {
  const request = (remoteAddress: string | undefined, readIp: () => string) =>
    Object.defineProperty({ raw: { socket: { remoteAddress } } }, 'ip', {
      get: readIp,
    }) as unknown as FastifyRequest;

  it('is the one that Fastify derives from the connection and headers', () => {
    expect(addressOf(request('10.0.0.1', () => '1.2.3.4'))).toBe('1.2.3.4');
  });

  it('is unknown after a connection reset', () => {
    const fails = () => {
      throw new TypeError('invalid argument: undefined');
    };
    expect(addressOf(request(undefined, fails))).toBe('unknown');
  });

  it('is read by this function only', () => {
    const sources = globSync('apps/gateway/src/**/*.ts', { exclude: ['**/*.spec.ts', '**/address.ts'] });
    expect(sources.length).toBeGreaterThan(100);
    expect(
      sources.filter(path => /\.ip\b|\{[^{}]*\bip\b[^{}]*\}: \w*Request/.test(readFileSync(path, 'utf8'))),
    ).toEqual([]);
  });
});
