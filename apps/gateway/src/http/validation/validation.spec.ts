import 'reflect-metadata';
import {
  ArrayMaxSize,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsPositive,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { readItem } from '../../scores/score-item.js';
import { Problem } from '../problem.js';
import { bodyPipe, invalid, queryPipe } from './validation.js';

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

describe('an invalid body', () => {
  it('lists every invalid field if they are few', async () => {
    const { problem } = await refusal({ name: 1, list: [1], ...many(2, 'x') });
    expect(problem.body.errors).toHaveLength(4);
    expect(problem.body.detail).not.toContain('more');
  });

  it('lists the first 20 of many unknown fields, and says how many more there are', async () => {
    const { problem, ms } = await refusal(many(20_000, 'x'));
    expect(problem.body.errors).toHaveLength(20);
    expect(problem.body.errors?.[0]).toEqual({
      path: 'x0',
      message: 'x0 is not a field here; it is 1. Leave it out: the fields are name, list',
    });
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
  ])('is refused quickly if it is %s', async (_, body) => {
    const { problem, ms } = await refusal(body);
    expect(problem.getStatus()).toBe(400);
    expect(JSON.stringify(problem.body).length).toBeLessThan(1_000);
    expect(ms).toBeLessThan(200);
  });

  it('has only the beginning of a long name in the answer', async () => {
    const { problem } = await refusal({ ['x'.repeat(MIB)]: 1 });
    expect(JSON.stringify(problem.body).length).toBeLessThan(2_000);
    expect(problem.body.detail).toMatch(/… \(1048576 characters\)/);
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
    expect(problem.brief.detail).toMatch(/^scores\[0\]\.board must be an id/);
    expect(JSON.stringify(problem.brief).length).toBeLessThan(1_500);
  });
});

class AllRules {
  @IsInt()
  @Min(1)
  @Max(10)
  readonly count!: number;

  @IsPositive()
  @Max(5)
  readonly share!: number;

  @IsIn(['asc', 'desc'])
  readonly order!: string;

  @IsBoolean()
  readonly diff!: boolean;

  @IsString()
  @MaxLength(3)
  readonly text!: string;

  @IsString()
  @Matches(/^a/, { message: 'word must begin with a' })
  readonly word!: string;
}

describe('an invalid field', () => {
  const right = { count: 1, share: 1, order: 'asc', diff: true, text: 'abc', word: 'a' };
  it.each([
    ['count', 0, 'count must be an integer from 1 to 10; it is 0'],
    ['count', 1.5, 'count must be an integer from 1 to 10; it is 1.5'],
    ['share', 0, 'share must be a number above 0, at most 5; it is 0'],
    ['share', { a: [1] }, 'share must be a number above 0, at most 5; it is {"a":[1]}'],
    ['order', 'up', 'order must be "asc" or "desc"; it is "up"'],
    ['diff', null, 'diff must be true or false; it is null'],
    ['text', 'abcd', 'text must be text of at most 3 characters; it is "abcd"'],
    ['text', 'x'.repeat(100), `text must be text of at most 3 characters; it is "${'x'.repeat(59)}…`],
    ['text', undefined, 'text must be text of at most 3 characters; it is missing'],
    ['word', 'b\u202e', 'word must begin with a; it is "b\\u202e"'],
  ])('is reported with its name, what is allowed, and its value: %s %j', async (field, value, message) => {
    const body = { ...right, [field]: value };
    const problem = await bodyPipe
      .transform(body, { type: 'body', metatype: AllRules })
      .catch(error => error as Problem);
    expect((problem as Problem).body.errors).toEqual([{ path: field, message }]);
  });

  it.each([
    ['abc', '"abc"'],
    ['0', '0'],
    ['', '""'],
    ['1e400', '"1e400"'],
  ])('of a query is reported as it was sent: %s', async (count, shown) => {
    const query = { ...right, count };
    const problem = await queryPipe
      .transform(query, { type: 'query', metatype: AllRules })
      .catch(error => error as Problem);
    const message = `count must be an integer from 1 to 10; it is ${shown}`;
    expect((problem as Problem).body.errors).toEqual([{ path: 'count', message }]);
  });
});
