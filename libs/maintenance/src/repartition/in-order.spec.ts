import fc from 'fast-check';
import type { LogEntry } from '#libs/event-log';
import { compareEventIds, formatEventId } from '#libs/events';
import { inOrder } from './in-order.js';

async function* pages(entries: readonly LogEntry[], length: number) {
  for (let at = 0; at < entries.length; at += length) yield entries.slice(at, at + length);
}

async function merged(logs: readonly (readonly LogEntry[])[], length: number) {
  const all = [];
  for await (const stretch of inOrder(logs.map(log => pages(log, length)))) all.push(...stretch);
  return all;
}

describe('inOrder', () => {
  it('yields every entry once, by id and then by log, whatever the pages', async () => {
    const id = fc.record({ ms: fc.nat({ max: 5 }), seq: fc.nat({ max: 12 }) });
    const log = fc
      .uniqueArray(id, { selector: formatEventId, maxLength: 12 })
      .map(ids => ids.sort(compareEventIds).map((id): LogEntry => [formatEventId(id), []]));
    const logs = fc.array(log, { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(logs, fc.integer({ min: 1, max: 5 }), async (given, length) => {
        const all = await merged(given, length);
        const expected = given
          .flatMap((entries, source) => entries.map(entry => ({ entry, source })))
          .map(({ entry, source }) => ({ entry, source, id: idOf(entry) }))
          .sort((a, b) => compareEventIds(a.id, b.id) || a.source - b.source);
        expect(all).toEqual(expected);
      }),
    );
  });
});

function idOf([text]: LogEntry) {
  const [ms = 0, seq = 0] = text.split('-').map(Number);
  return { ms, seq };
}
