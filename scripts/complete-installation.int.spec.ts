import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A repository with one native package, and a fake `npm` that can download it or fails. */
class Repository {
  readonly folder = mkdtempSync(join(tmpdir(), 'questlog-installation-'));
  readonly native = join(this.folder, 'node_modules/@tool/native');
  private readonly bin = join(this.folder, 'bin');
  private readonly archive = join(this.folder, 'native.tgz');

  constructor() {
    for (const path of ['scripts', 'bin', 'node_modules/rolldown', 'package'])
      mkdirSync(join(this.folder, path), { recursive: true });
    for (const file of ['complete-installation.js', 'platform-packages.js'])
      copyFileSync(join('scripts', file), join(this.folder, 'scripts', file));
    writeFileSync(join(this.folder, 'package/package.json'), '{"name":"@tool/native"}');
    spawnSync('tar', ['-czf', this.archive, '-C', this.folder, 'package']);
    this.needNode('>=24');
    this.lock(`sha512-${createHash('sha512').update(readFileSync(this.archive)).digest('base64')}`);
    this.npm(`cp ${this.archive} "$4"`);
  }

  needNode(node: string): void {
    const text = JSON.stringify({ type: 'module', engines: { node } });
    writeFileSync(join(this.folder, 'package.json'), text);
  }

  lock(integrity: string): void {
    const native = {
      version: '1.0.0',
      optional: true,
      os: [process.platform],
      engines: { node: '>=20' },
      integrity,
    };
    const packages = { 'node_modules/@tool/native': native };
    writeFileSync(join(this.folder, 'package-lock.json'), JSON.stringify({ packages }));
  }

  /** @param command called with `pack --silent --pack-destination <folder> <name>@<version>` */
  npm(command: string): void {
    writeFileSync(join(this.bin, 'npm'), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  }

  complete(): { readonly status: number | null; readonly output: string } {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(this.folder, 'scripts/complete-installation.js')],
      { env: { PATH: `${this.bin}:${process.env.PATH}` }, encoding: 'utf8' },
    );
    return { status, output: stdout + stderr };
  }
}

describe('completing the installation', () => {
  let repository: Repository;
  beforeEach(() => {
    repository = new Repository();
  });
  afterEach(() => rmSync(repository.folder, { recursive: true }));

  it('installs what npm skipped, once, and again after another npm ci', () => {
    for (let n = 0; n < 2; n++) {
      expect(repository.complete()).toEqual({
        status: 0,
        output: 'installed @tool/native 1.0.0, which npm had skipped\n',
      });
      expect(existsSync(join(repository.native, 'package.json'))).toBe(true);
      expect(repository.complete()).toEqual({ status: 0, output: '' });
      rmSync(repository.native, { recursive: true });
    }
  });

  it('says what to do when the registry is unreachable, without a stack', () => {
    repository.npm('echo "network is down" >&2; exit 1');
    const { status, output } = repository.complete();
    expect(status).toBe(1);
    expect(output).toMatch(/@tool\/native@1\.0\.0.*network is down[\s\S]*run `npm run setup` again/);
    expect(output).not.toMatch(/^\s+at /m);
  });

  it('rejects a package whose checksum is not the one in the lock file', () => {
    repository.lock('sha512-AAAA');
    expect(repository.complete()).toEqual({
      status: 1,
      output: expect.stringContaining('the checksum of @tool/native@1.0.0 differs'),
    });
    expect(existsSync(repository.native)).toBe(false);
  });

  it('says what to run when Node is too old or the build tools are missing', () => {
    repository.needNode('>=99');
    expect(repository.complete()).toEqual({ status: 1, output: expect.stringContaining('run `npm ci`') });
    repository.needNode('>=24');
    rmSync(join(repository.folder, 'node_modules'), { recursive: true });
    expect(repository.complete()).toEqual({ status: 1, output: expect.stringContaining('run `npm ci`') });
  });
});
