/** The index of Redis Search over the documents of all partitions and generations. */
export const documentIndex = (prefix: string) => `${prefix}:documents`;

/** The prefix of all keys of the players partitions. */
export const playersPrefix = (prefix: string) => `${prefix}:{p`;
