import { applyJsonPatch, JsonPatchError, MAX_OPERATIONS } from './json-patch.js';
import { formatTree, parseTree, TooDeepError } from './json-tree.js';
import { WorkBudgetError } from './work-budget.js';

const apply = (document: string, patch: string) =>
  formatTree(applyJsonPatch(parseTree(document), parseTree(patch)), 64);

describe('a JSON patch', () => {
  // RFC 6902, appendix A.
  it.each([
    ['{"foo":"bar"}', '[{"op":"add","path":"/baz","value":"qux"}]', '{"foo":"bar","baz":"qux"}'],
    ['{"foo":["bar","baz"]}', '[{"op":"add","path":"/foo/1","value":"qux"}]', '{"foo":["bar","qux","baz"]}'],
    ['{"baz":"qux","foo":"bar"}', '[{"op":"remove","path":"/baz"}]', '{"foo":"bar"}'],
    ['{"foo":["bar","qux","baz"]}', '[{"op":"remove","path":"/foo/1"}]', '{"foo":["bar","baz"]}'],
    [
      '{"baz":"qux","foo":"bar"}',
      '[{"op":"replace","path":"/baz","value":"boo"}]',
      '{"baz":"boo","foo":"bar"}',
    ],
    [
      '{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}',
      '[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]',
      '{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}',
    ],
    [
      '{"foo":["all","grass","cows","eat"]}',
      '[{"op":"move","from":"/foo/1","path":"/foo/3"}]',
      '{"foo":["all","cows","eat","grass"]}',
    ],
    [
      '{"baz":"qux","foo":["a",2,"c"]}',
      '[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]',
      '{"baz":"qux","foo":["a",2,"c"]}',
    ],
    [
      '{"foo":"bar"}',
      '[{"op":"add","path":"/child","value":{"grandchild":{}}}]',
      '{"foo":"bar","child":{"grandchild":{}}}',
    ],
    ['{"foo":"bar"}', '[{"op":"add","path":"/baz","value":"qux","xyz":123}]', '{"foo":"bar","baz":"qux"}'],
    ['{"/":9,"~1":10}', '[{"op":"test","path":"/~01","value":10}]', '{"/":9,"~1":10}'],
    [
      '{"foo":["bar"]}',
      '[{"op":"add","path":"/foo/-","value":["abc","def"]}]',
      '{"foo":["bar",["abc","def"]]}',
    ],
  ])('changes, as in appendix A of RFC 6902, %s with %s to %s', (document, patch, result) => {
    expect(apply(document, patch)).toBe(result);
  });

  it.each([
    ['{"a":1}', '[{"op":"replace","path":"","value":{"b":2}}]', '{"b":2}'],
    ['{"a":1}', '[{"op":"add","path":"","value":{"b":2}}]', '{"b":2}'],
    ['{"a":{"b":1}}', '[{"op":"move","from":"/a","path":""}]', '{"b":1}'],
    ['{"a":{"b":1}}', '[{"op":"move","from":"/a","path":"/a"}]', '{"a":{"b":1}}'],
    ['{"":{"":1}}', '[{"op":"replace","path":"//","value":2}]', '{"":{"":2}}'],
    ['{"a":[1]}', '[{"op":"copy","from":"","path":"/a/0"}]', '{"a":[{"a":[1]},1]}'],
    [
      '{"a":[1]}',
      '[{"op":"copy","from":"/a","path":"/b"},{"op":"add","path":"/b/-","value":2}]',
      '{"a":[1],"b":[1,2]}',
    ],
    ['{}', '[{"op":"add","path":"/__proto__","value":{"x":1}}]', '{"__proto__":{"x":1}}'],
    ['{}', '[]', '{}'],
  ])('changes %s with %s to %s', (document, patch, result) => {
    expect(apply(document, patch)).toBe(result);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it.each([
    ['{"op":"add","path":"/b/c","value":1}', 'there is nothing at "/b"'],
    ['{"op":"add","path":"/a/0","value":1}', 'what is at "/a" has no fields'],
    ['{"op":"add","path":"/l/2","value":1}', 'the list has only 1 items'],
    ['{"op":"add","path":"/l/01","value":1}', '"01" is no index'],
    ['{"op":"add","path":"/l/-1","value":1}', '"-1" is no index'],
    ['{"op":"add","path":"/b"}', '"value" is missing'],
    ['{"op":"remove","path":"/b"}', 'there is nothing at "/b"'],
    ['{"op":"remove","path":"/l/-"}', 'there is nothing at "/l/-"'],
    ['{"op":"remove","path":"/l/1"}', 'there is nothing at "/l/1"'],
    ['{"op":"remove","path":""}', 'the whole document'],
    ['{"op":"remove","path":"/__proto__"}', 'there is nothing at "/__proto__"'],
    ['{"op":"replace","path":"/b","value":1}', 'there is nothing at "/b"'],
    ['{"op":"move","from":"/o","path":"/o/p"}', 'into itself'],
    ['{"op":"move","path":"/b"}', '"from" must be a string'],
    ['{"op":"copy","from":"/b","path":"/c"}', 'there is nothing at "/b"'],
    ['{"op":"test","path":"/a","value":"1"}', 'another'],
    ['{"op":"test","path":"a","value":1}', 'no JSON pointer'],
    ['{"op":"test","path":"/a~2","value":1}', 'no JSON pointer'],
    ['{"op":"test","path":1,"value":1}', '"path" must be a string'],
    ['{"op":"merge","path":"/a","value":1}', '"op" must be'],
    ['{"path":"/a","value":1}', '"op" must be'],
    ['1', 'it is no object'],
  ])('is refused for the operation %s, by its number', (operation, reason) => {
    const run = () => apply('{"a":1,"l":[1],"o":{}}', `[{"op":"test","path":"/a","value":1},${operation}]`);
    expect(run).toThrow(JsonPatchError);
    expect(run).toThrow(/^operation 1 /);
    expect(run).toThrow(reason);
  });

  it('has a limited number of operations', () => {
    const operations = (count: number) =>
      `[${Array(count).fill('{"op":"test","path":"/a","value":1}').join()}]`;
    expect(apply('{"a":1}', operations(MAX_OPERATIONS))).toBe('{"a":1}');
    expect(() => apply('{"a":1}', operations(MAX_OPERATIONS + 1))).toThrow(JsonPatchError);
    expect(() => apply('{"a":1}', '{"op":"test"}')).toThrow(JsonPatchError);
  });

  it('cannot blow up a document with copies of copies', () => {
    const doubling = '{"op":"copy","from":"","path":"/a/-"}';
    expect(() => apply('{"a":[]}', `[${Array(500).fill(doubling).join()}]`)).toThrow();
    const nesting = '{"op":"copy","from":"","path":"/b"}';
    expect(() => apply('{"a":[]}', `[${Array(500).fill(nesting).join()}]`)).toThrow(TooDeepError);
  });

  it.each([
    ['tests of a long number', '{"op":"test","path":"/n","value":1e50000}'],
    ['moves within a long list', '{"op":"move","from":"/l/0","path":"/l/-"}'],
    ['items before a long list', '{"op":"add","path":"/l/0","value":1}'],
  ])('is limited in work for %s', (_, operation) => {
    const document = `{"n":1${'0'.repeat(50_000)},"l":[${'0,'.repeat(50_000)}0]}`;
    const patch = (count: number) => `[${Array(count).fill(operation).join()}]`;
    expect(() => apply(document, patch(100))).not.toThrow();
    expect(() => apply(document, patch(1_000))).toThrow(WorkBudgetError);
  });
});
