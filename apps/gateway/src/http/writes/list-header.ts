/**
 * The elements of a list header. Empty ones are left out (RFC 9110, 5.6.1.2): some clients write `"3",`, and proxies that join
 * headers can produce them.
 */
export function elementsOf(header: string | readonly string[] | undefined): string[] {
  if (header === undefined) return [];
  const text = typeof header === 'string' ? header : header.join();
  return text
    .split(',')
    .map(element => element.trim())
    .filter(element => element !== '');
}
