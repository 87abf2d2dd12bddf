/** What Redis answers of a hash: fields and values in turn. */
export function pairs(flat: readonly string[]): [field: string, value: string][] {
  return flat.flatMap((field, i) => (i % 2 === 0 ? [[field, flat[i + 1] ?? '']] : []));
}
