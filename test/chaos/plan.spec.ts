import { FAULTS, planFaults } from './plan.js';
import { Random } from './random.js';

const MINUTE = 60_000;
const plan = (seed: number) => planFaults(new Random(seed), MINUTE, 1_500, FAULTS);

describe('a plan of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(plan(7)).toEqual(plan(7));
    expect(plan(7)).not.toEqual(plan(8));
  });

  it('has every kind within 40 seconds, whatever the seed', () => {
    for (let seed = 0; seed < 100; seed++) {
      const kinds = plan(seed).flatMap(({ kind, at }) => (at < 40_000 ? [kind] : []));
      expect(new Set(kinds)).toEqual(new Set(FAULTS));
    }
  });

  it('goes forward in time and ends in time', () => {
    const times = plan(7).map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeLessThan(MINUTE);
  });

  it('is empty without kinds', () => {
    expect(planFaults(new Random(7), MINUTE, 1_500, [])).toEqual([]);
  });
});

describe('random numbers', () => {
  it('are those of mulberry32', () => {
    const random = new Random(1);
    expect([random.next(), random.next(), random.next()]).toEqual([
      0.6270739405881613, 0.002735721180215478, 0.5274470399599522,
    ]);
  });

  it('do not depend on what a fork draws', () => {
    const [one, other] = [new Random(1), new Random(1)];
    one.fork('faults').next();
    expect(one.next()).toBe(other.next());
    expect(one.fork('faults').next()).toBe(new Random(1).fork('faults').next());
  });
});
