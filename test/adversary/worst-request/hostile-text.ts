import type { Random } from '../../chaos/random.js';

/** A text with a name for the table. */
export interface Named {
  readonly what: string;
  readonly text: string;
}

const repeat = (atom: string, length: number) => atom.repeat(Math.floor(length / atom.length));

/** What parsers and regular expressions stumble over, again and again, within a length. */
const ATOMS = [
  ...[
    ' ',
    'a',
    '0',
    '9',
    '"',
    '\\',
    '\\"',
    ',',
    ';',
    '=',
    '-',
    '.',
    ':',
    '/',
    '(',
    '[',
    '{',
    '*',
    '%',
    '&',
    '?',
    '@',
  ],
  ...[
    'a ',
    ' ,',
    '; ',
    'a=',
    '==',
    'a,',
    'a;',
    '1.',
    '1:',
    '::',
    '..',
    '["',
    '[]',
    '%20',
    '%2f',
    'W/"1",',
    'q=0.1,',
  ],
];

/** Texts for headers and queries: one atom over and over, between a beginning and an end that matter to parsers. */
export function hostileTexts(random: Random, length: number, count: number): Named[] {
  return Array.from({ length: count }, () => {
    const [head, tail] = [random.pick(HEADS), random.pick(TAILS)];
    const atoms = Array.from({ length: random.integer(1, 3) }, () => random.pick(ATOMS));
    const body = atoms.map(atom => repeat(atom, Math.floor(length / atoms.length))).join('');
    return {
      what: `${head}${atoms.map(atom => `(${atom})*`).join('')}${tail}`,
      text: `${head}${body}${tail}`,
    };
  });
}

const HEADS = [
  '',
  '',
  'wait=',
  'Bearer ',
  '"',
  'a',
  '$',
  '$[?',
  's0-',
  'application/json;',
  'gzip;q=',
  'bytes=',
  '*',
];
const TAILS = ['', '', 'x"y', '!', '"', 'a', '=', '1e9', ']', '\\'];

const list = (item: string, length: number) =>
  `[${Array(Math.max(1, Math.floor(length / (item.length + 1)) - 1))
    .fill(item)
    .join()}]`;
const object = (name: (i: number) => string, value: string, length: number) => {
  const fields: string[] = [];
  for (let [i, size] = [0, 2]; size < length - 40; i++) {
    const field = `"${name(i)}":${value}`;
    fields.push(field);
    size += field.length + 1;
  }
  return `{${fields.join()}}`;
};

/** JSON values that are hard on those who parse, copy, compare, or walk through them, of about a length. */
export function hostileValues(length: number): Named[] {
  const deep = (levels: number, inside: string) => '['.repeat(levels) + inside + ']'.repeat(levels);
  return [
    { what: 'a number of many digits', text: '9'.repeat(length) },
    { what: 'a number of many zeros', text: `1${'0'.repeat(length - 1)}` },
    { what: 'a fraction of many digits', text: `0.${'1'.repeat(length - 2)}` },
    { what: 'an exponent of many digits', text: `1e-${'9'.repeat(length - 3)}` },
    { what: 'a long text', text: `"${'x'.repeat(length - 2)}"` },
    { what: 'a text of escapes', text: `"${repeat('\\u0041', length - 2)}"` },
    { what: 'a text of quotes', text: `"${repeat('\\"', length - 2)}"` },
    { what: 'a text of emoji', text: `"${repeat('\u{1f600}', length / 2 - 2)}"` },
    { what: 'a text of combining characters', text: `"a${repeat('\u0301\u0316', length / 2 - 4)}"` },
    { what: 'a list of numbers', text: list('1', length) },
    { what: 'a list of lists', text: list('[]', length) },
    { what: 'a list of objects', text: list('{}', length) },
    { what: 'a list of small objects', text: list('{"a":1,"b":[]}', length) },
    { what: 'a list of texts', text: list('""', length) },
    { what: 'a list of nulls', text: list('null', length) },
    { what: '60 levels of lists', text: deep(58, list('1', length - 120)) },
    { what: 'very many levels', text: deep(Math.floor(length / 2), '') },
    { what: 'many fields', text: object(i => `k${i.toString(36)}`, '1', length) },
    { what: 'many fields with escapes', text: object(i => `\\n${i.toString(36)}`, '""', length) },
    { what: 'many fields that are numbers', text: object(i => String(i * 65_536), '0', length) },
    { what: 'many fields named alike', text: object(() => 'a', '1', length) },
    { what: 'many __proto__', text: list('{"__proto__":1}', length) },
    { what: 'many blanks', text: `{"a":1${' '.repeat(length - 7)}}` },
    { what: 'an object that is not ended', text: object(i => `k${i}`, '"', length) },
  ];
}
