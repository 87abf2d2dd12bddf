import { JsonPathError, parseJsonPath } from './json-path.js';
import { formatTree, parseTree } from './json-tree.js';
import { WorkBudgetError } from './work-budget.js';

/** What a path selects in a document, as JSON text. */
function select(path: string, document: string): string {
  return `[${parseJsonPath(path)(parseTree(document))
    .map(value => formatTree(value, 64))
    .join()}]`;
}

const STORE =
  '{"books":[{"title":"A","price":8,"isbn":"1"},{"title":"B","price":12.5},{"title":"C","price":9,"isbn":"3"}],"bike":{"price":400},"limit":10}';

describe('a JSONPath', () => {
  it.each([
    ['$', '{"a":1}', '[{"a":1}]'],
    ['$.a', '{"a":1}', '[1]'],
    ['$.a.b', '{"a":1}', '[]'],
    ['$["a"][\'b c\']', '{"a":{"b c":2}}', '[2]'],
    ["$['it\\'s \"a\"']", '{"it\'s \\"a\\"":3}', '[3]'],
    ['$.\u00e9\u{1F600}', '{"\u00e9\u{1F600}":1}', '[1]'],
    ['$ .a [ 0 ]', '{"a":[4]}', '[4]'],
    ['$[-1]', '[1,2,3]', '[3]'],
    ['$[0,2]', '[1,2,3]', '[1,3]'],
    ['$[9]', '[1,2,3]', '[]'],
    ['$[1:]', '[1,2,3]', '[2,3]'],
    ['$[:-1]', '[1,2,3]', '[1,2]'],
    ['$[::-1]', '[1,2,3]', '[3,2,1]'],
    ['$[5:1:-2]', '[0,1,2,3,4,5,6]', '[5,3]'],
    ['$[::0]', '[1,2,3]', '[]'],
    ['$.*', '{"a":1,"b":[2]}', '[1,[2]]'],
    ['$..price', STORE, '[8,12.5,9,400]'],
    ['$..[0]', '{"a":[[1,2],3]}', '[[1,2],1]'],
    ['$..*', '{"a":{"b":1}}', '[{"b":1},1]'],
    ['$.books[*].title', STORE, '["A","B","C"]'],
    ['$.books[?@.price < 10].title', STORE, '["A","C"]'],
    ['$.books[?(@.price<10)].title', STORE, '["A","C"]'],
    ['$.books[?@.price > $.limit].title', STORE, '["B"]'],
    ['$.books[?!@.isbn].title', STORE, '["B"]'],
    ["$.books[?@.isbn && @.price >= 9 || @.title == 'B'].title", STORE, '["B","C"]'],
    ['$[?@ == 1.0]', '[1,1e0,10e-1,2,"1"]', '[1,1e0,10e-1]'],
    [
      '$[?@.a == @.b]',
      '[{"a":1,"b":1},{"a":1},{},{"a":{"x":[1]},"b":{"x":[1]}}]',
      '[{"a":1,"b":1},{},{"a":{"x":[1]},"b":{"x":[1]}}]',
    ],
    ['$[?@ != null]', '[null,true,"a"]', '[true,"a"]'],
    ['$[?@ < "b"]', '["a","b",1,null,[]]', '["a"]'],
    ['$.__proto__', '{"__proto__":{"a":1}}', '[{"a":1}]'],
    ['$.constructor', '{}', '[]'],
  ])('%s selects of %s: %s', (path, document, selected) => {
    expect(select(path, document)).toBe(selected);
  });

  it('returns values as they were written', () => {
    expect(select('$.*', '{"a":9007199254740993,"b":-0,"c":1.0,"d":"\\ud800"}')).toBe(
      '[9007199254740993,-0,1.0,"\\ud800"]',
    );
  });

  it.each([
    '',
    'a',
    '$.',
    '$..',
    '$.1',
    '$[',
    '$[]',
    '$[a]',
    '$[01]',
    '$[1.5]',
    '$.a b',
    "$['a]",
    '$["\\x"]',
    '$[?]',
    '$[?1]',
    '$[?@.a ==]',
    '$[?@..a == 1]',
    '$[?@.* == 1]',
    '$[?(@.a]',
    "$[?match(@.a, '(a+)+$')]",
    `$${'.a'.repeat(300)}`,
  ])('is not %j', path => {
    expect(() => parseJsonPath(path)).toThrow(JsonPathError);
  });

  it('stops when it takes too much work', () => {
    const document = `[${Array(2_000).fill('[1]').join()}]`;
    expect(select('$..*', document).length).toBeGreaterThan(4_000);
    expect(() => select(`$${'[?$..*]'.repeat(2)}`, document)).toThrow(WorkBudgetError);
    const long = `{"long":"${'x'.repeat(100_000)}","many":[${Array(1_000).fill(1).join()}]}`;
    expect(() => select('$.many[?$.long == "x"]', long)).toThrow(WorkBudgetError);
    expect(() => select('$.many[?$.many == $.many]', long)).toThrow(WorkBudgetError);
    expect(() => select(`$${'..*'.repeat(60)}`, `${'['.repeat(60)}${']'.repeat(60)}`)).toThrow(
      WorkBudgetError,
    );
  });

  it.each([
    ['conditions that nothing meets', `$.a[?${Array(90).fill('@.b').join('||')}]`],
    ['conditions that are turned around', `$.a[?${Array(80).fill('!@.b').join('&&')}]`],
    ['names that nothing has', `$.a[*][${Array(100).fill("'b'").join()}]`],
    ['lists that are none', `$.a[*][${Array(100).fill('0').join()}]`],
    ['comparisons with nothing', `$.a[?${Array(60).fill('@.b==1').join('||')}]`],
    ['comparisons with a long number', `$.a[?$.n==1e50000${'0'.repeat(300)}]`],
    ['selections within conditions', '$.a[?@[?@.b]||@[?@.c]||$.a[?@.b]]'],
  ])('counts the work of %s', (_, path) => {
    const document = `{"n":1${'0'.repeat(50_000)},"a":[${Array(5_000).fill('{}').join()}]}`;
    expect(() => select(path, document)).toThrow(WorkBudgetError);
  });

  it('can visit every value of a save', () => {
    const items = Array.from({ length: 5_000 }, (_, i) => `{"id":${i},"kind":"sword"}`);
    const document = `{"items":[${items.join()}]}`;
    expect(select("$.items[?@.kind == 'sword' && @.id > 4998].id", document)).toBe('[4999]');
    expect(select('$..id', document).length).toBeGreaterThan(5_000);
  });
});
