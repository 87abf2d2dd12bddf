/** The index of Redis Search over the documents of all partitions and generations. */
export const documentIndex = (prefix: string) => `${prefix}:documents`;

/** How all keys of the partitions of players begin. */
export const playersPrefix = (prefix: string) => `${prefix}:{p`;
