import type { Random } from '../../chaos/random.js';
import type { ApiDocument } from '../../e2e/support/bad-input.js';
import { type Attack, ROLES, type Role } from './attack.js';
import { hostileTexts, hostileValues } from './hostile-text.js';

/** Characters of a header, and of a query, that Node lets pass. */
const HEADER_LENGTH = 15_000;
/** Bytes that every route's body may have but those of `LARGE`. */
const BODY_LENGTH = 250 * 1024;
const LARGE: Readonly<Record<string, number>> = { 'POST /v1/scores': 1000 * 1024 };

const HEADERS = [
  ...['Prefer', 'If-Match', 'If-None-Match', 'If-Applied', 'If-Modified-Since', 'If-Unmodified-Since'],
  ...['Idempotency-Key', 'Authorization', 'Cookie', 'Content-Type', 'Accept', 'Accept-Encoding', 'Range'],
  ...['Content-Encoding', 'traceparent', 'Last-Event-ID', 'X-Forwarded-For', 'Origin', 'Write-Sequence'],
];

/** An operation with ids that exist. */
interface Target {
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly queries: readonly string[];
  readonly fields: readonly string[];
  readonly types: readonly string[];
}

/** @param ids by the names of path parameters */
export function targetsOf(
  { paths, components }: ApiDocument,
  ids: Readonly<Record<string, string>>,
): Target[] {
  return Object.entries(paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([verb, operation]): Target => {
      const method = verb.toUpperCase();
      const content = Object.entries(operation.requestBody?.content ?? {});
      const [schema] = content.map(([, { schema: found }]) => found);
      const named = schema?.$ref ? components.schemas[schema.$ref.split('/').at(-1) ?? ''] : schema;
      const isFatal = method === 'DELETE' && /\{player}$/.test(template);
      return {
        route: `${method} ${template}`,
        method,
        path: template.replace(/\{(\w+)}/g, (_, name: string) =>
          isFatal && name === 'player' ? 'nobody' : (ids[name] ?? 'none'),
        ),
        queries: (operation.parameters ?? [])
          .filter(({ in: where }) => where === 'query')
          .map(({ name }) => name),
        fields: Object.keys(named?.properties ?? {}),
        types: content.map(([type]) => type),
      };
    }),
  );
}

/** Attacks that need to know nothing of a route but what the OpenAPI document says. */
export function genericAttacks(targets: readonly Target[], random: Random, perKind: number): Attack[] {
  return targets.flatMap(target =>
    ROLES.filter(role => !endsSession(target, role)).flatMap(role => [
      ...headerAttacks(target, role, random, perKind),
      ...queryAttacks(target, role, random, perKind),
      ...pathAttacks(target, role, random),
      ...bodyAttacks(target, role, random, perKind),
    ]),
  );
}

/** Whoever logs out can attack no more. */
const endsSession = ({ route }: Target, role: Role) =>
  role === 'player' && route.startsWith('DELETE ') && /session/.test(route);

function headerAttacks(target: Target, role: Role, random: Random, count: number): Attack[] {
  return hostileTexts(random, HEADER_LENGTH, count).map(({ what, text }) => {
    const header = random.pick(HEADERS);
    return attackOn(target, role, `${header}: ${what}`, { headers: { [header]: text } });
  });
}

function queryAttacks(target: Target, role: Role, random: Random, count: number): Attack[] {
  const names = [...target.queries, 'x', 'ifApplied'];
  const texts = hostileTexts(random, HEADER_LENGTH / 3, count).map(({ what, text }) => {
    const name = random.pick(names);
    const query = `${name}=${encodeURIComponent(text).slice(0, HEADER_LENGTH)}`;
    return attackOn(target, role, `?${name}=${what}`, { path: `${target.path}?${query}` });
  });
  const many = ['limit=1&', 'a&', '%61=%61&', '[a]=1&'].map(part =>
    attackOn(target, role, `?(${part})*`, {
      path: `${target.path}?${part.repeat(Math.floor(HEADER_LENGTH / part.length))}`,
    }),
  );
  return [...texts, random.pick(many)];
}

function pathAttacks(target: Target, role: Role, random: Random): Attack[] {
  const part = random.pick(['/a', '//', '/..', '/%2e%2e', '%20', 'a', '/:a', '/*']);
  const path = `${target.path}${part.repeat(Math.floor(HEADER_LENGTH / part.length))}`;
  return [attackOn(target, role, `the path and (${part})*`, { path })];
}

function bodyAttacks(target: Target, role: Role, random: Random, count: number): Attack[] {
  if (target.types.length === 0) return [];
  const values = random.shuffle(hostileValues(LARGE[target.route] ?? BODY_LENGTH)).slice(0, count);
  return values.map(({ what, text }) => {
    const field = random.pick([...target.fields, '', '']);
    const headers = { 'Content-Type': random.pick(target.types) };
    const body = field === '' ? text : `{${JSON.stringify(field)}:${text}}`;
    return attackOn(target, role, field === '' ? what : `${field}: ${what}`, { body, headers });
  });
}

const attackOn = (
  { route, method, path, types }: Target,
  role: Role,
  what: string,
  given: Partial<Attack>,
): Attack => ({ route, role, what, method, path, ...(types.length > 0 && { body: '{}' }), ...given });
