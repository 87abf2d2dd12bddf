import 'reflect-metadata';
import { Problem } from '../http/problem.js';
import { bodyPipe } from '../http/validation/validation.js';
import { DefinitionFields, definitionFrom } from './definition.dto.js';

describe('the definition of a board', () => {
  const define = async (body: object) =>
    definitionFrom(
      'arena',
      (await bodyPipe.transform(body, { type: 'body', metatype: DefinitionFields })) as DefinitionFields,
    );
  /** The paths that are refused. */
  const faults = async (body: object) => {
    const problem = await define(body).catch(error => error);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem.getStatus()).toBe(400);
    return (problem as Problem).problem.errors?.map(({ path }) => path);
  };
  const DEFAULTS = {
    ...{ order: 'desc', operator: 'best', tieBreak: 'first', ranking: 'standard', submit: 'players' },
  };

  it('has defaults for absent fields', async () => {
    expect(await define({})).toEqual(DEFAULTS);
  });

  it('has periods with a time zone and a number of periods to keep', async () => {
    const periods = { reset: 'weekly', timezone: 'UTC', keepPeriods: 100 };
    expect(await define({ reset: 'weekly' })).toEqual({ ...DEFAULTS, ...periods });
  });

  it.each([
    [{ order: 'asc', operator: 'sum', tieBreak: 'none', ranking: 'dense', submit: 'servers' }],
    [{ reset: '0 18 * * 5', timezone: 'America/Sao_Paulo', keepPeriods: 0 }],
    [{ reset: 'monthly', timezone: 'Asia/Kathmandu', keepPeriods: 1_000 }],
    [{ source: 'all', filter: { region: ['eu', 'us'], ranked: true, level: 3 } }],
    [{ min: -5, max: -5, maxEntries: 10_000_000, minInterval: 0.25 }],
  ])('can be %j', async body => {
    expect(await define(body)).toMatchObject(body);
  });

  it.each([
    [{ order: 'up' }, ['order']],
    [{ order: null }, ['order']],
    [{ operator: 'max' }, ['operator']],
    [{ tieBreak: 'second' }, ['tieBreak']],
    [{ ranking: '1224' }, ['ranking']],
    [{ submit: 'admins' }, ['submit']],
    [{ reset: 'yearly' }, ['reset']],
    [{ reset: '@daily' }, ['reset']],
    [{ reset: '0 0 0 * * *' }, ['reset']],
    [{ reset: '99 0 * * *' }, ['reset']],
    [{ reset: '0 0 31 2 *' }, ['reset']],
    [{ reset: 'daily', timezone: 'Mars/Olympus' }, ['timezone']],
    [{ reset: 'daily', timezone: '+02:00' }, ['timezone']],
    [{ reset: 'daily', keepPeriods: 1_001 }, ['keepPeriods']],
    [{ reset: 'daily', keepPeriods: 1.5 }, ['keepPeriods']],
    [{ timezone: 'UTC', keepPeriods: 5 }, ['timezone', 'keepPeriods']],
    [{ min: 2, max: 1 }, ['min']],
    [{ min: '1' }, ['min']],
    [{ maxEntries: 0 }, ['maxEntries']],
    [{ maxEntries: 10_000_001 }, ['maxEntries']],
    [{ minInterval: 0 }, ['minInterval']],
    [{ minInterval: 86_400.1 }, ['minInterval']],
    [{ source: 'a b' }, ['source']],
    [{ source: 'arena' }, ['source']],
    [
      { source: 'all', min: 1, max: 2, submit: 'players', minInterval: 1 },
      ['min', 'max', 'submit', 'minInterval'],
    ],
    [{ filter: {} }, ['filter']],
    [{ filter: [] }, ['filter']],
    [{ filter: { 'a b': 1 } }, ['filter']],
    [{ filter: { a: [] } }, ['filter']],
    [{ filter: { a: { b: 1 } } }, ['filter']],
    [{ filter: { a: Array.from({ length: 40 }, () => 'x'.repeat(250)) } }, ['filter']],
    [{ filter: { a: Array.from({ length: 65 }, (_, i) => i) } }, ['filter']],
    [{ filter: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`a${i}`, i])) }, ['filter']],
    [{ extra: 1 }, ['extra']],
  ])('cannot be %j', async (body, paths) => {
    expect(await faults(body)).toEqual(paths);
  });

  it('is refused with an example of a valid time zone or reset', async () => {
    const detail = (body: object) => define(body).catch(error => (error as Problem).problem.detail);
    expect(await detail({ reset: 'daily', timezone: 'EST5' })).toContain('America/Sao_Paulo');
    expect(await detail({ reset: 'x' })).toContain('"0 18 * * 5"');
  });
});
