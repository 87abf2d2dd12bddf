import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('a program that is started by an old Node', () => {
  const programs = spawnSync('find', ['dist', '-name', '*.program.js']).stdout.toString().trim().split('\n');

  it('is each of them', () => {
    expect(programs.length).toBeGreaterThan(10);
    for (const name of [
      'apps/gateway/src/main',
      'apps/saves/src/main',
      'scripts/start',
      'scripts/healthcheck',
    ])
      expect(programs).toContain(`dist/${name}.program.js`);
  });

  it.each(programs.map(program => program.replace('.program', '')))(
    '%s refuses to run, and says what it needs',
    program => {
      const folder = mkdtempSync(join(tmpdir(), 'questlog-old-'));
      const pretence = join(folder, 'old.mjs');
      writeFileSync(
        pretence,
        "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });",
      );
      const { status, stderr } = spawnSync(process.execPath, ['--import', pretence, program], {
        timeout: 20_000,
      });
      rmSync(folder, { recursive: true });
      expect({ status, stderr: stderr.toString() }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/^questlog: Node 24 or later is needed, and .* is Node 20\.20\.2\. /),
      });
    },
    30_000,
  );
});
