/** Turns Redis's flat reply for a hash, alternating fields and values, into pairs. */
export function pairs(flat: readonly string[]): [field: string, value: string][] {
  return flat.flatMap((field, i) => (i % 2 === 0 ? [[field, flat[i + 1] ?? '']] : []));
}
