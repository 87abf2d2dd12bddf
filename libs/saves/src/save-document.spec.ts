import { documentTexts } from './save-document.js';
import { documentName } from './searchable-slots.js';

describe('a document in a searchable slot', () => {
  const save = { version: 1, updatedAt: 1, bytes: 2 };

  it.each([
    ['{"name":"Ada"}', 'Ada'],
    ['{"name":"a","name":"b"}', 'b'],
    ['{"name":"\\ud800 Ada"}', '\ufffd Ada'],
    [`{"name":"${'\u{1F600}'.repeat(200)}"}`, '\u{1F600}'.repeat(128)],
    ['{"name":5}', undefined],
    ['{"player":{"name":"Ada"}}', undefined],
    ['{"__proto__":{"name":"Ada"}}', undefined],
    ['[]', undefined],
    ['null', undefined],
  ])('%.40s has the name %.20s', (document, name) => {
    expect(documentName(document)).toBe(name);
  });

  it('is indexed by its words and by the empty word; without a name only by the empty word', () => {
    expect(documentTexts('cache-quest:player', { ...save, name: 'Ada L.' })).toEqual(['', 'ada', 'l']);
    expect(documentTexts('cache-quest:player', save)).toEqual(['']);
    expect(documentTexts('cache-quest:game', save)).toEqual(['']);
  });

  it('is not indexed if it is deleted, never existed, or is in another slot', () => {
    expect(documentTexts('cache-quest:player', { ...save, bytes: undefined })).toEqual([]);
    expect(documentTexts('cache-quest:player', undefined)).toEqual([]);
    expect(documentTexts('auto', save)).toEqual([]);
  });
});
