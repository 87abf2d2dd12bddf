import { System } from './support/system.js';
import { giveTour, tour } from './support/tour.js';

describe("the README's tour", () => {
  let system: System;
  beforeAll(async () => {
    system = await System.start();
  }, 60_000);
  afterAll(() => system.close(), 60_000);

  it('has commands, most with their output', () => {
    expect(tour().length).toBeGreaterThan(6);
    expect(tour().filter(([, output]) => output !== undefined).length).toBeGreaterThan(6);
  });

  it('prints what it says', () => {
    const [[setKey = ''] = []] = tour();
    giveTour(setKey, system.port, system.folder);
  }, 30_000);
});
