import fc from 'fast-check';
import type { JsonObject } from '#libs/events';
import { Problem } from '../http/problem.js';
import { checkProfilePatch, checkProfileSize, PROFILE_LIMIT } from './profile-patch.js';

/** The problem that `check` throws, or undefined if it accepts. */
function refusal(check: () => unknown) {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return {
      status: error.getStatus(),
      code: error.problem.code,
      paths: error.problem.errors?.map(e => e.path),
    };
  }
}

const invalid = (...paths: string[]) => ({ status: 400, code: 'validation', paths });

describe('the patch of a profile', () => {
  it.each<JsonObject>([
    {},
    { name: 'Ada' },
    { name: null, avatar: null, country: null },
    { name: 'x'.repeat(64) },
    { name: '\u{1F600}'.repeat(64) },
    { name: ' \u0414\u0430\u0440\u044c\u044f ' },
    // A family emoji: three emojis joined by zero-width joiners.
    { name: '\u{1F468}\u200d\u{1F469}\u200d\u{1F467}' },
    { avatar: '' },
    { avatar: 'x'.repeat(512) },
    { country: 'GB' },
    { title: 5, tags: [null, { deep: [] }], constructor: 1, 'any name': false },
  ])('can be %j', patch => {
    expect(checkProfilePatch(patch)).toBe(patch);
  });

  it.each([...['', ' ', '  '], ...['x'.repeat(65), 5, true, [], {}, ['Ada']]])(
    'cannot set the name %j',
    name => {
      expect(refusal(() => checkProfilePatch({ name }))).toEqual(invalid('name'));
    },
  );

  it.each([
    ...[
      '\t',
      'a\nb',
      'a\u0000',
      'a\u009f',
      'a\u2028b',
      '\u200b',
      '\ufeff',
      '\ud800',
      'a\udc00',
      '\u202eevil',
    ],
  ])('cannot set the name %j, which has an invisible character', name => {
    expect(refusal(() => checkProfilePatch({ name }))).toMatchObject({ status: 422, code: 'name-refused' });
  });

  it.each([2 ** 53, -(2 ** 53), Number.POSITIVE_INFINITY])('cannot have the number %p', number => {
    for (const patch of [{ id: number }, { much: [{ more: number }] }])
      expect(refusal(() => checkProfilePatch(patch))).toMatchObject({
        status: 422,
        code: 'number-out-of-range',
      });
  });

  it.each(['x'.repeat(513), 5, {}])('cannot set the avatar to %j', avatar => {
    expect(refusal(() => checkProfilePatch({ avatar }))).toEqual(invalid('avatar'));
  });

  it.each(['', 'gb', 'G', 'GBR', '\u00c4\u00d6', 'GB\n', 44])('cannot set the country to %j', country => {
    expect(refusal(() => checkProfilePatch({ country }))).toEqual(invalid('country'));
  });

  it.each([null, 'ada', 1])('cannot set the player id, not even to %j', playerId => {
    expect(refusal(() => checkProfilePatch({ playerId }))).toEqual(invalid('playerId'));
  });

  it('is refused with all of its errors', () => {
    const patch = { playerId: 'eve', name: '', country: 'xx' };
    expect(refusal(() => checkProfilePatch(patch))).toEqual(invalid('playerId', 'name', 'country'));
  });

  it.each([null, [], [{}], 'Ada', 5, true])('cannot be %j, which is not an object', body => {
    expect(refusal(() => checkProfilePatch(body))).toMatchObject({ status: 422, code: 'not-an-object' });
  });

  it('cannot be missing', () => {
    expect(refusal(() => checkProfilePatch(undefined))).toMatchObject({ status: 400 });
  });

  it('can have 8 levels, and not 9', () => {
    const nested = (levels: number): JsonObject => (levels === 1 ? {} : { a: nested(levels - 1) });
    const lists = (levels: number) => JSON.parse(`{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`);
    for (const nest of [nested, lists]) {
      expect(refusal(() => checkProfilePatch(nest(8)))).toBeUndefined();
      expect(refusal(() => checkProfilePatch(nest(9)))).toMatchObject({ status: 422, code: 'too-deep' });
    }
    expect(refusal(() => checkProfilePatch(lists(PROFILE_LIMIT)))).toMatchObject({ code: 'too-deep' });
  });

  it('accepts any object, or refuses it with 400 or 422', () => {
    fc.assert(
      fc.property(fc.object(), body =>
        [undefined, 400, 422].includes(refusal(() => checkProfilePatch(body))?.status),
      ),
    );
  });
});

describe('the size of a profile', () => {
  const ofSize = (size: number) => ({ x: 'x'.repeat(size - 8) });
  const tooLarge = { status: 422, code: 'profile-too-large' };

  it('is at most 8 KiB, whatever part of it is patched', () => {
    expect(refusal(() => checkProfileSize({}, ofSize(PROFILE_LIMIT)))).toBeUndefined();
    expect(refusal(() => checkProfileSize({}, ofSize(PROFILE_LIMIT + 1)))).toMatchObject(tooLarge);
    expect(refusal(() => checkProfileSize(ofSize(PROFILE_LIMIT - 6), { y: 1 }))).toBeUndefined();
    expect(refusal(() => checkProfileSize(ofSize(PROFILE_LIMIT - 5), { y: 1 }))).toMatchObject(tooLarge);
    expect(refusal(() => checkProfileSize(ofSize(PROFILE_LIMIT), { x: null, y: 1 }))).toBeUndefined();
  });

  it('can shrink when it is beyond the limit', () => {
    const large = { ...ofSize(PROFILE_LIMIT + 100), y: 1 };
    expect(refusal(() => checkProfileSize(large, { y: null }))).toBeUndefined();
    expect(refusal(() => checkProfileSize(large, { z: 1 }))).toMatchObject(tooLarge);
  });
});
