import { IdempotencyConflictError, VersionConflictError } from '#libs/event-log';
import {
  isRedisUnavailable,
  NoMasterError,
  scriptError,
  UnconfirmedError,
  WrongTypeError,
} from './errors.js';

/** An error as ioredis and Node make them. */
const failure = (message: string, properties: { name?: string; code?: string } = {}) =>
  Object.assign(new Error(message), properties);

describe('a script error', () => {
  it('becomes a version conflict that tells the head', () => {
    const error = scriptError(failure('VERSION_CONFLICT 12'));
    expect(error).toBeInstanceOf(VersionConflictError);
    expect(error).toMatchObject({ code: 'VERSION_CONFLICT', head: 12, message: expect.stringMatching(/12/) });
  });

  it('becomes a version conflict that says when there is no version', () => {
    expect(scriptError(failure('VERSION_CONFLICT 0'))).toMatchObject({
      head: 0,
      message: 'there is no current version',
    });
  });

  it('becomes an idempotency conflict', () => {
    const error = scriptError(failure('IDEMPOTENCY_CONFLICT the key came with another event'));
    expect(error).toBeInstanceOf(IdempotencyConflictError);
    expect(error).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('becomes a wrong type that names the key, both types, and the remedy', () => {
    const error = scriptError(failure('WRONG_TYPE string hash questlog:{s0}:runs@1:a:b'));
    expect(error).toBeInstanceOf(WrongTypeError);
    expect(error).toMatchObject({
      code: 'WRONG_TYPE',
      key: 'questlog:{s0}:runs@1:a:b',
      message: expect.stringMatching(/a string where Questlog keeps a hash.*KEY_PREFIX.*Rebuild.*retry/),
    });
    expect(scriptError(failure('WRONG_TYPE list stream my game:{s0}:dead:scores'))).toMatchObject({
      key: 'my game:{s0}:dead:scores',
      message: expect.stringMatching(/a list where Questlog keeps a stream.*backup/),
    });
  });

  it('becomes a changed definition that tells all of it', () => {
    expect(scriptError(failure('DEFINITION_CHANGED 1-2 - {"a b":1}'))).toMatchObject({
      code: 'DEFINITION_CHANGED',
      text: '1-2 - {"a b":1}',
    });
    expect(scriptError(failure('DEFINITION_CHANGED '))).toMatchObject({ text: '' });
  });

  it('becomes what keeps an event out', () => {
    expect(scriptError(failure('TOO_SOON 120'))).toMatchObject({ code: 'TOO_SOON', left: 120 });
    expect(scriptError(failure('NOT_REPLAYED'))).toMatchObject({ code: 'NOT_REPLAYED' });
  });

  it.each([
    ['of Redis itself', failure('WRONGTYPE Operation against a key holding the wrong kind of value')],
    ['that only mentions a code', failure('ERR something about VERSION_CONFLICT')],
    ['that only begins like a code', failure('VERSION_CONFLICTS 3')],
    ['without a text', failure('')],
    ['that is no Error', 'VERSION_CONFLICT 3'],
    ['that is nothing', undefined],
  ])('passes unchanged when it is one %s', (_, error) => {
    expect(scriptError(error)).toBe(error);
  });
});

describe('Redis is unavailable', () => {
  it.each([
    [
      'a request that ran out of attempts',
      failure('Reached the max retries per request limit (which is 0).', {
        name: 'MaxRetriesPerRequestError',
      }),
    ],
    ['a silent server', failure('Command timed out')],
    ['a closed connection', failure('Connection is closed.')],
    [
      'a connection that broke in the middle of a pipeline',
      failure('Command aborted due to connection close', { name: 'AbortError' }),
    ],
    ['no connection', failure("Stream isn't writeable and enableOfflineQueue options is false")],
    ['a dead socket', failure("Socket timeout. Expecting data, but didn't receive any in 8000ms.")],
    ['a port that nobody listens on', failure('connect ECONNREFUSED 1.2.3.4:1', { code: 'ECONNREFUSED' })],
    ['a peer that hung up', failure('read ECONNRESET', { code: 'ECONNRESET' })],
    ['a write to a closed socket', failure('write EPIPE', { code: 'EPIPE' })],
    ['a connection that takes too long', failure('connect ETIMEDOUT', { code: 'ETIMEDOUT' })],
    ['a name without an address', failure('getaddrinfo ENOTFOUND redis', { code: 'ENOTFOUND' })],
    ['a resolver that is away', failure('getaddrinfo EAI_AGAIN redis', { code: 'EAI_AGAIN' })],
    ['a host out of reach', failure('connect EHOSTUNREACH 1.2.3.4:1', { code: 'EHOSTUNREACH' })],
    ['a network out of reach', failure('connect ENETUNREACH 1.2.3.4:1', { code: 'ENETUNREACH' })],
    ['a server that starts', failure('LOADING Redis is loading the dataset in memory')],
    ['a server in a long script', failure('BUSY Redis is busy running a script.')],
    ['a replica', failure("READONLY You can't write against a read only replica.")],
    ['a replica without its master', failure('MASTERDOWN Link with MASTER is down')],
    ['too few replicas', failure('NOREPLICAS Not enough good replicas to write.')],
    ['a cluster with holes', failure('CLUSTERDOWN Hash slot not served')],
    ['a slot that moves', failure('TRYAGAIN Multiple keys request during rehashing of slot')],
    ['a slot that is elsewhere', failure('MOVED 7000 10.0.0.2:6379')],
    ['a key that has moved', failure('ASK 7000 10.0.0.2:6379')],
    ['a slot that nobody has now', new NoMasterError(7000)],
    ['a cluster that is away', failure("Cluster isn't ready and enableOfflineQueue options is false")],
    ['a cluster of which no node answers', failure('None of startup nodes is available')],
    ['Sentinels that are away', failure('All sentinels are unreachable. Retrying from scratch after 50ms.')],
    ['an event that replicas have not confirmed', new UnconfirmedError(0, 1)],
    ['a disk that fails', failure('MISCONF Errors writing to the AOF file: No space left on device')],
    ['a password that was changed', failure('WRONGPASS invalid username-password pair')],
    ['a password that is wanted', failure('NOAUTH Authentication required.')],
    ['a permission that was taken', failure("NOPERM User u has no permissions to run the 'xadd' command")],
    ['a full memory', failure("OOM command not allowed when used memory > 'maxmemory'.")],
  ])('for %s', (_, error) => {
    expect(isRedisUnavailable(error)).toBe(true);
  });

  it.each([
    ['a key of another type', failure('WRONGTYPE Operation against a key holding the wrong kind of value')],
    ['a group that is there already', failure('BUSYGROUP Consumer Group name already exists')],
    ['a group that is not there', failure("NOGROUP No such key 'k' or consumer group 'g'")],
    ['a text that only mentions it', failure('the player wrote: LOADING')],
    ["an aborted call of a handler's own", failure('This operation was aborted', { name: 'AbortError' })],
    ['another error code', failure('open ENOENT', { code: 'ENOENT' })],
    ["a bug in a handler's code", new TypeError("Cannot read properties of undefined (reading 'x')")],
    ['a conflict', new VersionConflictError(1)],
    ['an error without a text', failure('')],
    ['a thrown text', 'Command timed out'],
    ['nothing', undefined],
  ])('is not what %s means', (_, error) => {
    expect(isRedisUnavailable(error)).toBe(false);
  });
});
