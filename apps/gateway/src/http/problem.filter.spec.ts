import { inspect } from 'node:util';
import { UnconfirmedError, WrongTypeError } from '#libs/redis';
import { toProblem } from './problem.filter.js';
import { Problem } from './problem.js';

describe('an unknown error', () => {
  it.each([
    new Error('connect to redis://questlog:hunter2@db failed'),
    new TypeError("Cannot read properties of undefined (reading 'hunter2')"),
    Object.assign(new Error('hunter2'), { statusCode: 500 }),
    Object.assign(new Error('hunter2'), { statusCode: 599 }),
    'hunter2',
    { message: 'hunter2' },
  ])('is a 500 that does not reveal it: %s', error => {
    const problem = toProblem(error);
    expect(problem.getStatus()).toBe(500);
    expect(inspect(problem.body)).not.toMatch(/hunter2|\bat /);
  });

  it('reveals only its message, if it is a known error', () => {
    const { body } = toProblem(new Problem(404, { detail: 'there is none' }));
    expect(body).toEqual({ type: 'about:blank', title: 'Not Found', status: 404, detail: 'there is none' });
  });
});

describe('an event that is in the log, but on too few replicas', () => {
  it('is a 503 that says so, and how to retry', () => {
    const problem = toProblem(new UnconfirmedError(0, 1));
    expect(problem.getStatus()).toBe(503);
    expect(problem.body.detail).toMatch(
      /^it is in the log, but 0 of 1 replicas have confirmed it.*Idempotency-Key/,
    );
  });
});

describe('data in Redis that another program has overwritten', () => {
  it.each([
    new WrongTypeError('ql:{s0}:runs@1:season', 'string', 'hash'),
    new Error('WRONGTYPE Operation against a key holding the wrong kind of value'),
    new Error('ERR Error running script: WRONGTYPE Operation against a key, script: 1a2b'),
  ])('is a 503 that asks for an operator, and names no key: %s', error => {
    const problem = toProblem(error);
    expect(problem.getStatus()).toBe(503);
    expect(problem.body.detail).toMatch(/overwritten.*an operator has to rebuild/);
    expect(problem.body.detail).not.toContain('ql:');
  });
});
