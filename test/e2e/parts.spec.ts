import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '#libs/testing';
import { System } from './support/system.js';

const WAIT = { Prefer: 'wait=10' };
/** Time for a restart on a busy machine. */
const BACK_MS = 60_000;

/** Mounts a small file system for the data. @returns undefined if this machine does not allow it */
function smallDisk(mebibytes: number): { readonly path: string; remove(): void } | undefined {
  const path = mkdtempSync(join(tmpdir(), 'questlog-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]).status === 0;
  const remove = () => {
    spawnSync('umount', ['-l', path]);
    rmSync(path, { recursive: true, force: true });
  };
  if (mounted) return { path, remove };
  remove();
  return undefined;
}

describe('the parts of a system', () => {
  let system: System;
  afterEach(() => system.close(), 60_000);

  const readiness = async () => (await system.connect().get('/readyz')).body;
  const score = (player: string) =>
    system.client.post('/v1/leaderboards/b/scores', { player, score: 1 }, WAIT);

  it('continue when one of them keeps ending, and report which one, how often, and why', async () => {
    system = await System.start();
    const { gateway, scores, 'ranking-projector': ranking } = system.pids();
    for (let ends = 1; ends <= 7; ends++) {
      await eventually(() => expect(system.pids().saves).toBeDefined(), BACK_MS);
      process.kill(system.pids().saves as number, 'SIGKILL');
      await system.says(
        `it has ended ${ends === 1 ? 'once' : ends === 2 ? 'twice' : `${ends} times`}`,
        BACK_MS,
      );
    }
    // The gateway is told a moment after the line is printed.
    await eventually(async () => {
      const { status, checks } = await readiness();
      expect({ status, parts: checks.parts }).toEqual({
        status: 'degraded',
        parts: expect.stringMatching(/^saves: it has ended 7 times, the last time with: SIGKILL/),
      });
    }, BACK_MS);
    expect(await score('ada')).toMatchObject({ status: 200, body: { rank: 1 } });
    expect(system.pids()).toMatchObject({ gateway, scores, 'ranking-projector': ranking });
    await system.says('saves is back', BACK_MS);
    await eventually(async () => expect(await readiness()).toMatchObject({ status: 'ready' }), BACK_MS);
  }, 180_000);

  it('report it to a restarted gateway, too', async () => {
    system = await System.start();
    const { scores, gateway } = system.pids();
    process.kill(gateway as number, 'SIGKILL');
    await system.says('gateway is back', BACK_MS);
    process.kill(scores as number, 'SIGKILL');
    await eventually(async () => expect((await readiness()).checks.parts).toMatch(/^scores: /), BACK_MS, 20);
  }, 120_000);

  it('continue when nobody reads their output any more', async () => {
    system = await System.start();
    system.process.stdout?.destroy();
    system.process.stderr?.destroy();
    const { scores, gateway } = system.pids();
    for (const pid of [scores, gateway]) process.kill(pid as number, 'SIGKILL');
    await eventually(() => {
      const now = system.pids();
      expect([scores, gateway, undefined]).not.toContain(now.scores);
      expect([scores, gateway, undefined]).not.toContain(now.gateway);
    }, BACK_MS);
    await eventually(async () => expect(await score('ada')).toMatchObject({ status: 200 }), BACK_MS, 200);
    expect(await system.stop()).toBe(0);
  }, 120_000);

  it('continue when the disk of the embedded Redis is full, and so does Redis when there is room again', async () => {
    const disk = smallDisk(16);
    if (!disk) return console.warn('skipped, as no file system can be mounted: "the disk is full"');
    try {
      const folder = join(disk.path, 'data');
      system = await System.start({ DATA_DIR: folder });
      expect(await score('ada')).toMatchObject({ status: 200 });
      const { redis: _, ...services } = system.pids();
      const filler = join(disk.path, 'filler');
      spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']);
      const text = 'x'.repeat(200_000);
      await eventually(async () => {
        await system.client.put('/v1/players/ada/saves/auto', { text });
        expect(system.output).toContain('redis-server (');
      }, BACK_MS);
      await eventually(async () => {
        const { status, checks } = await readiness();
        expect(status).toBe('not ready');
        expect(checks.parts).toContain(`the disk of ${join(folder, 'redis')} is full`);
      }, BACK_MS);
      expect(system.output).toContain(`the disk of ${join(folder, 'redis')} is full`);
      rmSync(filler);
      await eventually(
        async () => expect(await readiness()).toMatchObject({ status: 'ready' }),
        BACK_MS,
        200,
      );
      expect(await score('bob')).toMatchObject({ status: 200 });
      const { body } = await system.client.get('/v1/leaderboards/b/entries');
      expect(body.total).toBe(2);
      expect(system.pids()).toMatchObject(services);
      await system.close();
    } finally {
      disk.remove();
    }
  }, 240_000);
});
