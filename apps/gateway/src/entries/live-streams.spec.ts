import { LiveStreams } from './live-streams.js';

describe('the number of live streams', () => {
  it('is limited for each address, and a closed one makes room', () => {
    const streams = new LiveStreams({ perAddress: 2, total: 10 });
    streams.admit('a');
    const release = streams.admit('a');
    expect(() => streams.admit('a')).toThrow(expect.objectContaining({ status: 429 }));
    streams.admit('b');
    release();
    streams.admit('a');
    expect(() => streams.admit('a')).toThrow('this address has 2 live streams');
  });

  it('is limited for the gateway, over all addresses', () => {
    const streams = new LiveStreams({ perAddress: 2, total: 3 });
    const releases = ['a', 'b', 'c'].map(address => streams.admit(address));
    expect(() => streams.admit('d')).toThrow(expect.objectContaining({ status: 503 }));
    releases[0]?.();
    streams.admit('d');
  });

  it('forgets addresses without streams', () => {
    const streams = new LiveStreams({ perAddress: 2, total: 3 });
    for (let i = 0; i < 1_000; i++) streams.admit(`address-${i}`)();
    expect(streams).toMatchObject({ open: { sum: 0, counts: new Map() } });
  });
});
