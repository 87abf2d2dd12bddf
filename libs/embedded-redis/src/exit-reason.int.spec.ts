import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitReason } from './exit-reason.js';

const line = (pid: number, text: string) => `${pid}:M 30 Nov 2026 16:33:06.123 ${text}`;

describe('the exit reason of a server', () => {
  let folder: string;
  let log: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-end-'));
    log = join(folder, 'redis.log');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const reason = (status: number | null, signal: string | null = null) =>
    exitReason(status, signal, folder, log);

  it('has the last errors of its log, without those of an earlier server and without startup warnings', () => {
    writeFileSync(
      log,
      [
        line(1, '# Fatal error of another day'),
        line(2, '# WARNING Memory overcommit must be enabled! Without it a background save may fail'),
        line(2, '# Error writing to the AOF file: File too large'),
        line(2, "# Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."),
        line(2, '* Bye'),
        '',
      ].join('\n'),
    );
    expect(reason(1)).toBe(
      "exit status 1; Error writing to the AOF file: File too large; Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...",
    );
  });

  it('is the signal when it was killed, also when the shell reports the signal as a status', () => {
    writeFileSync(log, `${line(1, '# Error of this morning')}\n`);
    expect(reason(137)).toBe('SIGKILL');
    expect(reason(null, 'SIGKILL')).toBe('SIGKILL');
    expect(reason(139)).toBe('SIGSEGV; Error of this morning');
  });

  it('is the status when there is no log', () => {
    expect(reason(3)).toBe('exit status 3');
  });
});
