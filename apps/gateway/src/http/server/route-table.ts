/** The segments of a path, which begins with a slash. */
const segmentsOf = (path: string) => path.split('/').slice(1);

/** The methods of each path. */
export class RouteTable {
  private readonly routes = new Map<string, { readonly segments: readonly string[]; methods: Set<string> }>();

  /** @param pattern such as `/v1/leaderboards/:board`, with `*` at its end for everything below */
  add(methods: readonly string[], pattern: string): void {
    const known = this.routes.get(pattern)?.methods ?? [];
    this.routes.set(pattern, { segments: segmentsOf(pattern), methods: new Set([...known, ...methods]) });
  }

  /** @returns the methods in alphabetical order; none for an unknown path */
  methodsOf(path: string): string[] {
    const segments = segmentsOf(path);
    const found = [...this.routes.values()].filter(route => matches(route.segments, segments));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '*';
  if (isOpen ? segments.length < pattern.length : segments.length !== pattern.length) return false;
  return pattern.every((part, i) => {
    if (isOpen && i === pattern.length - 1) return true;
    return part.startsWith(':') ? segments[i] !== '' : part === segments[i];
  });
}
