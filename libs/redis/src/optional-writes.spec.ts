import { isWriteRefused, OptionalWrites } from './optional-writes.js';

describe('writes that can be left out', () => {
  const refused = () => Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'."));

  it.each([
    'OOM command not allowed',
    "READONLY You can't write against a read only replica.",
    'MISCONF Redis is configured to save RDB snapshots',
    'NOREPLICAS Not enough good replicas to write.',
  ])('are refused by a server that says "%s"', message => {
    expect(isWriteRefused(new Error(message))).toBe(true);
  });

  it('are replaced when Redis refuses them, and not tried again for a second', async () => {
    let [now, tries] = [0, 0];
    const writes = new OptionalWrites(() => now);
    const write = () => {
      tries += 1;
      return now < 1_500 ? refused() : Promise.resolve('written');
    };
    const run = () => writes.run(write, () => 'read only');
    expect(await run()).toBe('read only');
    now = 999;
    expect(await run()).toBe('read only');
    expect(tries).toBe(1);
    now = 1_000;
    expect(await run()).toBe('read only');
    now = 2_000;
    expect(await run()).toBe('written');
  });

  it('fail as they are when Redis is away', async () => {
    const away = () => Promise.reject(new Error('Connection is closed.'));
    await expect(new OptionalWrites().run(away, () => 'read only')).rejects.toThrow('Connection is closed');
  });
});
