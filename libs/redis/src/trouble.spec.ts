import { setConnectionFault, troubleOf } from './trouble.js';

describe('why Redis cannot serve', () => {
  it.each([
    ['LOADING Redis is loading the dataset in memory', 'loading', 'LOADING'],
    [
      "OOM command not allowed when used memory > 'maxmemory'.",
      'full',
      'out of memory and refuses writes (OOM)',
    ],
    ['MISCONF Redis is configured to save RDB snapshots, but', 'disk', 'disk'],
    ["READONLY You can't write against a read only replica.", 'read-only', 'read-only'],
    [
      "READONLY You can't write against a read only replica. script: 1f2, on @user_script:1.",
      'read-only',
      'READONLY',
    ],
    ['NOREPLICAS Not enough good replicas to write.', 'replicas', 'NOREPLICAS'],
    ['BUSY Redis is busy running a script.', 'busy', 'busy'],
    ['NOAUTH Authentication required.', 'refused', 'NOAUTH'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'refused', 'WRONGPASS'],
    ["NOPERM User game has no permissions to run the 'xadd' command", 'refused', 'the command xadd (NOPERM)'],
    ['NOPERM No permissions to access a key', 'refused', 'NOPERM'],
    [
      "ERR The user executing the script can't run this command or subcommand script: c42ef6, on @user_script:28.",
      'refused',
      'NOPERM',
    ],
    ['MASTERDOWN Link with MASTER is down', 'unreachable', 'MASTERDOWN'],
    ['CLUSTERDOWN The cluster is down', 'unreachable', 'CLUSTERDOWN'],
    ['Command timed out', 'unreachable', 'does not answer'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'unreachable', 'unreachable'],
  ])('%s', (message, kind, words) => {
    const error = Object.assign(
      new Error(message),
      message.startsWith('connect') && { code: 'ECONNREFUSED' },
    );
    expect(troubleOf(error)).toEqual({ kind, detail: expect.stringContaining(words) });
    expect(troubleOf(error)?.detail).not.toMatch(/127\.0\.0\.1|game/);
  });

  it('is what the connection was told, for a command that found no connection', () => {
    const client = {};
    const error = new Error("Stream isn't writeable and enableOfflineQueue options is false");
    expect(troubleOf(error)).toMatchObject({ kind: 'unreachable' });
    setConnectionFault(client, new Error('WRONGPASS invalid username-password pair or user is disabled.'));
    expect(troubleOf(error)).toMatchObject({ kind: 'refused' });
    setConnectionFault(client, undefined);
    expect(troubleOf(error)).toMatchObject({ kind: 'unreachable' });
  });

  it('is nothing for an error that is not about Redis serving', () => {
    expect(troubleOf(new Error("ERR unknown command 'X'"))).toBeUndefined();
    expect(troubleOf('READONLY')).toBeUndefined();
  });
});
