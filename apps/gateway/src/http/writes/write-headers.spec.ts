import { Problem } from '../problem.js';
import { matchesNone } from './etag.js';
import {
  expectedVersion,
  idempotencyKey,
  traceParent,
  waitPreference,
  writeCondition,
} from './write-headers.js';

/** The status of the problem that a call throws; nothing when it throws none. */
function statusOf(call: () => unknown): number | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.getStatus();
    throw error;
  }
}

describe('Prefer: wait', () => {
  it.each([
    ['wait=5', 5],
    ['wait="5"', 5],
    ['Wait = 0.5', 0.5],
    ['wait=10', 10],
    ['respond-async, wait=3', 3],
    ['return=minimal; wait=3', 3],
    ['wait=2, wait=9', 2],
    [', ,wait=7,,', 7],
    ['respond-async,;wait=8;', 8],
  ])('%s waits for %p seconds', (prefer, seconds) => {
    expect(waitPreference({ prefer })).toBe(seconds);
  });

  it.each([undefined, '', ',,', 'respond-async', 'return=minimal', 'await=5', 'waiting=5'])(
    'is absent in %p',
    prefer => {
      expect(waitPreference({ ...(prefer !== undefined && { prefer }) })).toBe(0);
    },
  );

  it('can be sent in two headers', () => {
    expect(waitPreference({ prefer: ['respond-async', 'wait=4'] } as never)).toBe(4);
  });

  it.each([
    'wait=0',
    'wait=-1',
    'wait=10.01',
    'wait=11',
    'wait=',
    'wait=""',
    'wait=soon',
    'wait=NaN',
    'wait=1e999',
  ])('%s is refused', prefer => {
    expect(statusOf(() => waitPreference({ prefer }))).toBe(400);
  });
});

describe('Idempotency-Key', () => {
  it('is optional', () => {
    expect(idempotencyKey({})).toBeUndefined();
  });

  it.each(['a', '"quoted"', '8e03978e-40d5-43dd-bc93-6894a57f9324', '!~', 'x'.repeat(128)])(
    'can be %p',
    key => {
      expect(idempotencyKey({ 'idempotency-key': key })).toBe(key);
    },
  );

  it.each(['', ' ', 'a b', 'x'.repeat(129), 'tab\t', 'line\n', 'caf\u00e9', '\u{1F600}'])(
    'cannot be %p',
    key => {
      expect(statusOf(() => idempotencyKey({ 'idempotency-key': key }))).toBe(400);
    },
  );

  it('cannot be sent twice', () => {
    expect(statusOf(() => idempotencyKey({ 'idempotency-key': ['a', 'b'] }))).toBe(400);
  });
});

describe('traceparent', () => {
  const well = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  it('is passed on when it is well-formed', () => {
    expect(traceParent({ traceparent: well })).toBe(well);
  });

  it.each([undefined, '', 'x', well.toUpperCase(), well.slice(1), `${well}-more`, `${well}\n`, ` ${well}`])(
    'is ignored, not refused, when it is %p',
    traceparent => {
      expect(traceParent({ ...(traceparent !== undefined && { traceparent }) })).toBeUndefined();
    },
  );
});

describe('the version that a write expects', () => {
  it('is any when there is no condition', () => {
    expect(expectedVersion({})).toBeUndefined();
  });

  it.each([
    [{ 'if-match': '"3"' }, 3],
    [{ 'if-match': ' "3" ' }, 3],
    [{ 'if-match': '"999999999999999"' }, 999_999_999_999_999],
    [{ 'if-match': 'W/"3"' }, 3],
    [{ 'if-match': '"3", W/"3"' }, 3],
    [{ 'if-match': 'W/"3" ,"4",  "12"' }, [3, 4, 12]],
    [{ 'if-match': '"3",' }, 3],
    [{ 'if-match': ', ,"3",, ,W/"4" ,\t,' }, [3, 4]],
    [{ 'if-match': '*' }, 'existing'],
    [{ 'if-match': ',*,' }, 'existing'],
    [{ 'if-none-match': '*' }, 0],
    [{ 'if-none-match': ' * ' }, 0],
    [{ 'if-none-match': '*,,' }, 0],
  ])('of %j is %p', (headers, version) => {
    expect(expectedVersion(headers)).toEqual(version);
  });

  it.each([
    '',
    '3',
    "'3'",
    '"0"',
    '"03"',
    '"-1"',
    '"1.5"',
    '"abc"',
    '""',
    'w/"3"',
    'W/*',
    '"3", "x"',
    ',',
    ', ,',
    '"3" "4"',
    '*, "3"',
    '**',
    '"1000000000000000"',
  ])('cannot be sent as If-Match: %s', match => {
    expect(statusOf(() => expectedVersion({ 'if-match': match }))).toBe(400);
  });

  it.each(['', ',', '"3"', '"3",', '*, "3"'])('cannot be sent as If-None-Match: %s', match => {
    expect(statusOf(() => expectedVersion({ 'if-none-match': match }))).toBe(400);
  });

  it('cannot be sent in If-Match and If-None-Match at once', () => {
    expect(statusOf(() => expectedVersion({ 'if-match': '*', 'if-none-match': '*' }))).toBe(400);
  });
});

describe('the time that a write expects', () => {
  const sinceOf = (headers: Record<string, string>) => writeCondition(headers).unmodifiedSince;

  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'is read from %s',
    text => {
      expect(sinceOf({ 'if-unmodified-since': text })).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
    },
  );

  it.each([
    '',
    'yesterday',
    '2026-11-30T00:00:00Z',
    '0',
    'Sun, 99 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994',
  ])('is ignored when the header is %p', text => {
    expect(sinceOf({ 'if-unmodified-since': text })).toBeUndefined();
  });

  it('is ignored when the request also expects a version', () => {
    const since = { 'if-unmodified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' };
    expect(sinceOf({ ...since, 'if-match': '"3"' })).toBeUndefined();
    expect(sinceOf({ ...since, 'if-none-match': '*' })).toBeUndefined();
  });
});

describe('a conditional GET', () => {
  it.each(['"3"', 'W/"3"', '*', '"2", "3"', '"2",W/"3" ,"4"', ', "2",, "3",'])(
    'with If-None-Match: %s finds "3" unchanged',
    tags => {
      expect(matchesNone({ 'if-none-match': tags }, '"3"')).toBe(true);
    },
  );

  it.each([undefined, '', ', ,', '3', '"33"', '"2", "4"', 'w/"3"'])(
    'with If-None-Match: %s gets "3" again',
    tags => {
      expect(matchesNone({ ...(tags !== undefined && { 'if-none-match': tags }) }, '"3"')).toBe(false);
    },
  );
});
