/**
 * The elements of a header that is a list. Empty ones are left out, as RFC 9110, 5.6.1.2 asks for: some clients write
 * `"3",`, and what joins headers can leave them behind.
 */
export function elementsOf(header: string | readonly string[] | undefined): string[] {
  if (header === undefined) return [];
  const text = typeof header === 'string' ? header : header.join();
  return text
    .split(',')
    .map(element => element.trim())
    .filter(element => element !== '');
}
