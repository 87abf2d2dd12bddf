import { saveMeta } from './save-meta.js';

const read = (text: string) => saveMeta({ 'save-meta': text });

describe('Save-Meta', () => {
  it('is a JSON object in ASCII of up to 1 KiB', () => {
    expect(read('{"title":"Caf\\u00e9","n":[1.5]}')).toEqual({ title: 'Caf\u00e9', n: [1.5] });
    expect(read(`{"x":"${'x'.repeat(1_016)}"}`)).toBeDefined();
    expect(saveMeta({})).toBeUndefined();
    expect(read('')).toBeUndefined();
  });

  it.each([
    ['{"x":'],
    ['[]'],
    ['null'],
    ['"x"'],
    ['{"title":"Caf\u00e9"}'],
    [`{"x":"${'x'.repeat(1_017)}"}`],
  ])('is 400 for %s', text => {
    expect(() => read(text)).toThrow(expect.objectContaining({ status: 400 }));
  });

  it('is 422 for numbers that are not exact, and for deep nesting', () => {
    for (const text of ['{"n":9007199254740993}', '{"n":1e999}', `{"a":${'['.repeat(64)}${']'.repeat(64)}}`])
      expect(() => read(text)).toThrow(expect.objectContaining({ status: 422 }));
  });
});
