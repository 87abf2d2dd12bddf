import { PassThrough } from 'node:stream';
import { jest } from '@jest/globals';
import { RepartitionReport } from './repartition-report.js';

it('restarts the rate when the progress restarts, so that it is never negative', () => {
  const out = new PassThrough({ encoding: 'utf8' });
  const clock = jest.spyOn(performance, 'now');
  const report = new RepartitionReport(out as unknown as NodeJS.WriteStream);
  const told = [
    { at: 1_000, processed: 0 },
    { at: 2_000, processed: 500 },
    { at: 3_000, processed: 0 },
    { at: 4_000, processed: 300 },
  ];
  for (const { at, processed } of told) {
    clock.mockReturnValue(at);
    report.onProgress('build', processed, 1_000);
  }
  clock.mockRestore();
  const lines = String(out.read()).trim().split('\n');
  const rates = lines.map(line => JSON.parse(line).eventsPerSecond);
  expect(rates).toEqual([0, 500, 0, 300]);
});
