import 'reflect-metadata';
import { ArrayMaxSize, IsOptional, IsString } from 'class-validator';
import { readItem } from '../leaderboards/score-item.js';
import { Problem } from './problem.js';
import { bodyPipe, invalid } from './validation.js';

class Fields {
  @IsString()
  readonly name!: string;

  @IsOptional()
  @ArrayMaxSize(3)
  @IsString({ each: true })
  readonly list?: readonly string[];
}

const MIB = 1024 * 1024;

/** What a body is refused with, and the milliseconds of CPU that it took. */
async function refusal(value: unknown): Promise<{ problem: Problem; ms: number }> {
  const before = process.cpuUsage();
  const problem = await bodyPipe
    .transform(value, { type: 'body', metatype: Fields })
    .catch(error => error as Problem);
  const { user, system } = process.cpuUsage(before);
  expect(problem).toBeInstanceOf(Problem);
  return { problem: problem as Problem, ms: (user + system) / 1_000 };
}

const many = (count: number, prefix: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, 1]));

describe('a body that is refused', () => {
  it('lists every field that is wrong while they are few', async () => {
    const { problem } = await refusal({ name: 1, list: [1], ...many(2, 'x') });
    expect(problem.body.errors).toHaveLength(4);
    expect(problem.body.detail).not.toContain('more');
  });

  it('lists the first 20 of many unknown fields, and says how many there are besides', async () => {
    const { problem, ms } = await refusal(many(20_000, 'x'));
    expect(problem.body.errors).toHaveLength(20);
    expect(problem.body.errors?.[0]).toEqual({ path: 'x0', message: 'property x0 should not exist' });
    expect(problem.body.detail).toMatch(/and 19980 more$/);
    // It took class-validator half a second.
    expect(ms).toBeLessThan(200);
  });

  it.each([
    ['a long list', { name: 'a', list: Array(100_000).fill('') }],
    ['a list of lists', { name: 'a', list: Array(50_000).fill([]) }],
    ['many fields within a field', { name: many(20_000, 'x') }],
    ['a list instead of an object', Array(100_000).fill(0)],
    ['a text instead of an object', 'x'.repeat(MIB)],
  ])('takes no long work where it is %s', async (_, body) => {
    const { problem, ms } = await refusal(body);
    expect(problem.getStatus()).toBe(400);
    expect(JSON.stringify(problem.body).length).toBeLessThan(1_000);
    expect(ms).toBeLessThan(200);
  });

  it('quotes no more than the beginning of a long name', async () => {
    const { problem } = await refusal({ ['x'.repeat(MIB)]: 1 });
    expect(JSON.stringify(problem.body).length).toBeLessThan(2_000);
    expect(problem.body.detail).toMatch(/… \(1048602 characters\)/);
  });

  it('has a short answer, whatever is wrong with it', () => {
    const long = '\ud83d\ude00'.repeat(MIB);
    const errors = Array.from({ length: 1_000 }, () => ({ path: long, message: long }));
    expect(JSON.stringify(invalid(errors).body).length).toBeLessThan(20_000);
    expect(JSON.stringify(new Problem(400, { detail: long }).body).length).toBeLessThan(3_000);
  });

  it('has a short answer for each score of a list', () => {
    const item = { ...many(500, 'x'.repeat(500)), attributes: 1, score: 'a', board: '', player: '' };
    const problem = readItem(item, { kind: 'server', id: 'a' }, 'scores[0]') as Problem;
    expect(problem.brief.errors).toHaveLength(3);
    expect(problem.brief.detail).toMatch(/^board must be an id/);
    expect(JSON.stringify(problem.brief).length).toBeLessThan(1_500);
  });
});
