/** A request that must be refused, and how. */
export interface BadInput {
  readonly method: string;
  readonly path: string;
  /** What is wrong with it; shown in the table. */
  readonly what: string;
  readonly expected: number;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
  /** What the message must name and quote. */
  readonly says?: readonly string[];
}

/** The parts of an OpenAPI document from which bad requests are derived. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly security?: readonly object[];
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** One operation, with what its bad requests have in common. */
interface Target {
  readonly method: string;
  readonly template: string;
  /** With valid ids. */
  readonly path: string;
  readonly operation: Operation;
  readonly schemas: ApiDocument['components']['schemas'];
}

const IDS: Readonly<Record<string, string>> = { board: 'bad', player: 'ada', slot: 'auto', id: 'none' };

/** Valid bodies, from which bad ones are derived. */
const GOOD: Readonly<Record<string, object>> = {
  'put /v1/leaderboards/{board}': { order: 'asc' },
  'post /v1/leaderboards/{board}/lookup': { players: ['ada'] },
  'post /v1/leaderboards/{board}/scores': { score: 1, player: 'ada' },
  'post /v1/scores': { scores: [{ board: 'bad', player: 'ada', score: 1 }] },
  'put /v1/players/{player}/saves/{slot}': { hp: 1 },
  'post /v1/players/{player}/saves/{slot}/restore': { version: 1 },
  'patch /v1/players/{player}': { name: 'Ada' },
  'post /v1/admin/rebuilds': { projection: 'ranking' },
  'post /v1/admin/verifications': { projection: 'ranking' },
  'post /v1/admin/log/accept-loss': { stream: 'scores', partition: 0 },
  'post /v1/sessions': {},
};

/** Bad requests to every operation of a document. Each is valid except for one thing. */
export function badInputsOf({ paths, components }: ApiDocument): BadInput[] {
  const targets = Object.entries(paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([method, operation]): Target => {
      const path = template.replace(/\{(\w+)}/g, (_, name: string) => IDS[name] ?? 'none');
      return { method: method.toUpperCase(), template, path, operation, schemas: components.schemas };
    }),
  );
  return targets.flatMap(target => [
    ...badIds(target),
    ...badQueries(target),
    ...badHeaders(target),
    ...badTypes(target),
    ...badJson(target),
    ...badFields(target),
    ...noCredentials(target),
  ]);
}

const bodyOf = ({ method, template, operation }: Target): Pick<BadInput, 'body' | 'headers'> => {
  const type = Object.keys(operation.requestBody?.content ?? {})[0];
  if (type === undefined) return {};
  const body = JSON.stringify(GOOD[`${method.toLowerCase()} ${template}`] ?? {});
  return { body, headers: { 'Content-Type': type } };
};

const shown = (text: string) => (text.length > 24 ? `${text.slice(0, 20)}… (${text.length})` : text);

function badIds(target: Target): BadInput[] {
  const { method, template } = target;
  return [...template.matchAll(/\{(\w+)}/g)].flatMap(([place, name = '']) => {
    const to = (bad: string) =>
      template.replace(/\{(\w+)}/g, (other, key: string) => (other === place ? bad : (IDS[key] ?? 'none')));
    // The id of a job is opaque, so an invalid one does not exist.
    const opaque = /^\/v1\/admin\/(rebuilds|verifications)/.test(template) ? 404 : 400;
    const ids: (readonly [string, number])[] = [
      ...[
        '%00',
        'a%00b',
        'a%0d%0aX-Evil:%201',
        '%1b%5b2J',
        'a%20b',
        '%E2%80%AEevil',
        '*',
        '..%2f..%2fetc',
      ].map(id => [id, opaque] as const),
      ...['%7Bs0%7D', 'a:{s0}', '-a', 'a'.repeat(65)].map(id => [id, opaque] as const),
      ['a'.repeat(1_001), 414],
      ...['%ff', '%', '%zz', '%c0%af'].map(id => [id, 400] as const),
    ];
    return ids.map(([id, expected]) => ({
      ...bodyOf(target),
      ...{ method, path: to(id), what: `${name}: ${shown(id)}`, expected },
      ...(expected === 400 && isText(id) && { says: [name, quoted(decodeURIComponent(id))] }),
    }));
  });
}

/** How a message shows a value: the beginning of its JSON. */
const quoted = (value: unknown) =>
  (JSON.stringify(value) ?? '').slice(0, 40).replace(/[\u2028-\u202e]/g, escaped);
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16)}`;

const isText = (encoded: string) => !/%ff|%zz|%c0|%$/.test(encoded);

function badQueries(target: Target): BadInput[] {
  const { method, path, operation } = target;
  const parameters = (operation.parameters ?? []).filter(parameter => parameter.in === 'query');
  const known = parameters.flatMap(({ name, schema }) => queryValues(name, schema));
  const said = (query: string): readonly string[] => {
    const [name = '', value = ''] = query.split('=').map(decodeURIComponent);
    if (query.includes('&')) return [name];
    // A number is shown without quotes.
    return [name, Number.isFinite(Number(value)) ? value : quoted(value).replace(/"$/, '')];
  };
  const unknown = path.startsWith('/v1/') ? ['unknown=1', 'Limit=1', '__proto__=1', '=1', 'limit%20=1'] : [];
  const needed = parameters.filter(({ required }) => required === true).map(({ name }) => name);
  const withNeeded = (query: string) =>
    [query, ...needed.filter(name => !query.startsWith(`${name}=`)).map(name => `${name}=ada`)].join('&');
  return [...known, ...unknown].map(query => ({
    ...bodyOf(target),
    ...{
      method,
      path: `${path}?${withNeeded(query)}`,
      what: `query ${shown(query)}`,
      expected: 400,
      says: said(query),
    },
  }));
}

function queryValues(name: string, { type, minimum, maximum }: Schema): string[] {
  const bad = [`${name}=a&${name}=b`, `${name}[]=1`, `${name}[__proto__]=1`].slice(0, 1);
  if (type === 'number')
    bad.push(...['abc', 'NaN', '1e400', 'Infinity', '1;2'].map(text => `${name}=${text}`));
  if (minimum !== undefined) bad.push(`${name}=${minimum - 1}`);
  if (maximum !== undefined) bad.push(`${name}=${maximum + 1}`);
  if (maximum !== undefined && maximum > 100) bad.push(`${name}=1.5`);
  if (['cursor', 'ifApplied', 'period', 'path', 'group'].includes(name))
    bad.push(...['%00', 'nonsense!', '__proto__', `${'x'.repeat(5_000)}`].map(text => `${name}=${text}`));
  if (name === 'player') bad.push('player=a%20b', 'player=', `player=${'a'.repeat(65)}`);
  return bad;
}

function badHeaders(target: Target): BadInput[] {
  const { method, path, operation } = target;
  const values: Record<string, string[]> = {
    Prefer: ['wait=abc', 'wait=-1', 'wait=0', 'wait=11', 'wait=1e400', 'wait='],
    'Idempotency-Key': ['a b', 'k'.repeat(129), 'schl\u00fcssel', '\ttab\tin'],
    'If-Match': ['3', '"x"', '"0"', '"-1"', 'w/"1"', '"1", "x"', '"99999999999999999999"'],
    'If-Applied': ['nonsense', 's0-1', `s0-${'9'.repeat(400)}-0`, 's999-1-0', '{s0}'],
  };
  const names = (operation.parameters ?? []).filter(parameter => parameter.in === 'header');
  return names.flatMap(({ name }) =>
    (values[name] ?? []).map(value => {
      const good = bodyOf(target);
      const headers = { ...good.headers, [name]: value };
      // Headers are read as Latin-1.
      const visible = /^[ -~]*/.exec(value.trim())?.[0] ?? '';
      const says = [name, quoted(visible).slice(1, 20).replace(/"$/, '')];
      return { ...good, method, path, what: `${name}: ${shown(value)}`, expected: 400, headers, says };
    }),
  );
}

const FORMS = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'];
const NO_JSON = ['application/xml', 'application/jsonx', 'nonsense', 'application/json/', 'text/json'];

/** Bodies that a form of another site can send are refused everywhere, also where no body is expected. */
function badTypes(target: Target): BadInput[] {
  const { method, path, operation } = target;
  if (method === 'GET') return [];
  const { body = 'a=1' } = bodyOf(target);
  return [...FORMS, ...(operation.requestBody ? NO_JSON : [])].map(type => ({
    ...{ method, path, what: `Content-Type: ${type}`, expected: 415, body },
    headers: { 'Content-Type': type },
  }));
}

function badJson(target: Target): BadInput[] {
  const { method, path, operation } = target;
  const types = Object.keys(operation.requestBody?.content ?? {});
  const [type] = types;
  if (type === undefined || !type.includes('json') || type.includes('ndjson')) return [];
  const texts: [what: string, body: string | Buffer][] = [
    ['no body', ''],
    ...['{', '{"a":', "{'a':1}", '{"a":1}}', 'undefined', 'NaN', '{"a":01}', '{"a":1,}', '\u0000', '[}'].map(
      (text): [string, string] => [`body ${JSON.stringify(text)}`, text],
    ),
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
    ['a gzip header', Buffer.from('1f8b0800000000000003', 'hex')],
    ['a form', 'a=1&b=2'],
  ];
  return texts.map(([what, body]) => ({
    ...{ method, path, what, expected: 400, body },
    headers: { 'Content-Type': type },
  }));
}

/** Bad bodies for operations whose fields are documented. */
function badFields(target: Target): BadInput[] {
  const { method, path, template, operation, schemas } = target;
  const schema = operation.requestBody?.content['application/json']?.schema;
  const { properties, required = [] } = (schema?.$ref && schemas[schema.$ref.split('/').pop() ?? '']) || {};
  if (!properties) return [];
  const good = (GOOD[`${method.toLowerCase()} ${template}`] ?? {}) as Record<string, unknown>;
  const bodies: [what: string, body: string, says?: readonly string[]][] = [
    ['an unknown field', JSON.stringify({ ...good, unknown: 1 }), ['unknown', 'it is 1']],
    ['an own __proto__', `{"__proto__":{"isAdmin":true},${JSON.stringify(good).slice(1)}`.replace(',}', '}')],
    ['constructor.prototype', JSON.stringify({ ...good, constructor: { prototype: { isAdmin: true } } })],
    ...['[]', 'null', '"text"', '7', 'true'].map((text): [string, string] => [`${text} as body`, text]),
    ...required.map((name): [string, string, string[]] => {
      const { [name]: _, ...rest } = good;
      return [`no ${name}`, JSON.stringify(rest), [name, 'missing']];
    }),
    ...Object.entries(properties).flatMap(([name, property]) =>
      wrongValues(property).map((value): [string, string, string[]] => [
        `${name}: ${shown(value)}`,
        `{${JSON.stringify(name)}:${value}${rest(good, name)}}`,
        saysOf(name, value),
      ]),
    ),
  ];
  return bodies.map(([what, body, says]) => ({
    ...{ method, path, what, expected: 400, body, ...(says && { says }) },
    headers: { 'Content-Type': 'application/json' },
  }));
}

/** In fields for any text, a NUL is checked after all other fields. */
const saysOf = (name: string, value: string) =>
  ['secret', 'member'].includes(name) && value === '"\\u0000"'
    ? []
    : [name, value.replace('1e400', 'Infinity')];

/** As JSON text, because some of it has no JavaScript value. */
function wrongValues({ type, minItems = 0 }: Schema): string[] {
  const values = { string: '"\\u0000"', number: '1', boolean: 'true', array: '[]', object: '{}' };
  const others = Object.entries(values).filter(([name]) => name !== (type === 'integer' ? 'number' : type));
  const own =
    type === 'number'
      ? ['1e400', '-1e400']
      : type === 'string' || (type === 'array' && minItems > 0)
        ? [values[type]] // An empty list is too short, and no id, name, or time zone contains a NUL.
        : [];
  return [...others.map(([, value]) => value), ...own];
}

function rest(good: Record<string, unknown>, without: string): string {
  const { [without]: _, ...others } = good;
  return Object.entries(others)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('');
}

function noCredentials(target: Target): BadInput[] {
  const { method, path, operation } = target;
  if (!operation.security) return [];
  const credentials: Record<string, Record<string, string>> = {
    'no credentials': { Authorization: '' },
    'a forged token': { Authorization: `Bearer ${'A'.repeat(43)}` },
    'a scheme that is none': { Authorization: 'Basic YWRhOmFkYQ==' },
  };
  return Object.entries(credentials).map(([what, headers]) => {
    const good = bodyOf(target);
    return { ...good, method, path, what, expected: 401, headers: { ...good.headers, ...headers } };
  });
}
