import { setImmediate as nextTurn } from 'node:timers/promises';
import { BulkGate } from './bulk-gate.js';

describe('the bulk gate', () => {
  it('runs a few, and the next one when one of them ends', async () => {
    const gate = new BulkGate(2, 5, 60_000);
    const [first] = await Promise.all([gate.enter(), gate.enter()]);
    let isIn = false;
    const third = gate.enter().then(() => (isIn = true));
    await nextTurn();
    expect(isIn).toBe(false);
    first?.();
    await third;
    expect(isIn).toBe(true);
  });

  it('counts each end once', async () => {
    const gate = new BulkGate(1, 0, 60_000);
    const leave = await gate.enter();
    leave();
    leave();
    await gate.enter();
    await expect(gate.enter()).rejects.toMatchObject({ status: 503 });
  });

  it('refuses when too many wait, and after waiting too long', async () => {
    const gate = new BulkGate(1, 1, 20);
    const leave = await gate.enter();
    const waiting = gate.enter();
    waiting.catch(() => {});
    await expect(gate.enter()).rejects.toMatchObject({
      problem: { headers: { 'Retry-After': '1' }, detail: expect.stringContaining('try again') },
    });
    await expect(waiting).rejects.toMatchObject({ status: 503 });
    leave();
    (await gate.enter())();
  });
});
