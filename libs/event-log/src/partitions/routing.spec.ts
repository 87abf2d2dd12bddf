import { partitionFor, shardOf, shardsOf } from './routing.js';
import { Topology } from './topology.js';

const PLAYERS = Array.from({ length: 200 }, (_, i) => `p${i}`);

describe('the routing of events', () => {
  const topology = new Topology('test', { scores: 5, players: 3 });
  const home = topology.of('scores', 'arena');
  const submitted = (player: string) =>
    ({ type: 'ScoreSubmitted', data: { board: 'arena', player, score: 1 } }) as const;

  it('leads to the partition of the board, or of the player', () => {
    expect(partitionFor(topology, submitted('ada'))).toBe(home);
    expect(partitionFor(topology, { type: 'SaveDeleted', data: { player: 'ada', slot: 's' } })).toBe(
      topology.of('players', 'ada'),
    );
  });

  it('spreads the players of a board over its shards, and leaves the board at home', () => {
    const all = shardsOf(topology, 'arena', 3);
    const partitions = all.map(({ partition }) => (partition - home.partition + 5) % 5);
    expect(partitions).toEqual([0, 1, 2]);
    expect(new Set(PLAYERS.map(player => partitionFor(topology, submitted(player), 3)))).toEqual(
      new Set(all),
    );
    for (const player of PLAYERS) {
      const revoked = { type: 'EntryRevoked', data: { board: 'arena', player } } as const;
      expect(partitionFor(topology, revoked, 3)).toBe(shardOf(topology, 'arena', player, 3));
    }
    expect(partitionFor(topology, { type: 'BoardRemoved', data: { board: 'arena' } }, 3)).toBe(home);
  });

  it('puts several shards into one partition if there are fewer partitions than shards', () => {
    expect(shardsOf(topology, 'arena', 12)).toHaveLength(5);
    const all = new Set(shardsOf(topology, 'arena', 12));
    for (const player of PLAYERS) expect(all.has(shardOf(topology, 'arena', player, 12))).toBe(true);
  });

  it('gives no partition for an event that every partition gets', () => {
    expect(() => partitionFor(topology, { type: 'PlayerBanned', data: { player: 'ada' } })).toThrow(
      RangeError,
    );
  });
});
