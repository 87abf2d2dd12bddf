import { Topology } from './topology.js';

describe('a topology', () => {
  const counts = { scores: '4', players: '2' };
  const open = () => new Topology('ql', { scores: 4, players: 2 });

  it('follows Redis as soon as it is updated', () => {
    const topology = open();
    let changes = 0;
    topology.onChange(() => {
      changes += 1;
    });
    topology.update(counts);
    expect(changes).toBe(0);
    topology.update({ ...counts, scores: '3', 'scores:epoch': '2', 'scores:movedUpTo': '17-4' });
    expect(changes).toBe(1);
    expect(topology.counts).toEqual({ scores: 3, players: 2 });
    expect(topology.all('scores').map(({ stream }) => stream)).toEqual([
      'ql:{s0e2}:log',
      'ql:{s1e2}:log',
      'ql:{s2e2}:log',
    ]);
    expect(topology.movedUpTo('scores')).toEqual({ ms: 17, seq: 4 });
    expect(topology.movedUpTo('players')).toBeUndefined();
  });

  it('keeps the partitions of a stream that was not repartitioned', () => {
    const topology = open();
    const players = topology.of('players', 'ada');
    topology.update({ ...counts, 'scores:epoch': '2' });
    expect(topology.of('players', 'ada')).toBe(players);
    expect(topology.of('scores', 'arena').stream).toContain('e2}');
  });

  it('does not change if the log is deleted', () => {
    const topology = open();
    topology.update({});
    expect(topology.counts).toEqual({ scores: 4, players: 2 });
  });
});
