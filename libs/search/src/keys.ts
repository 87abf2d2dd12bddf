import type { StateKeys } from '#libs/projections';

/** JSON: a player's document. Neither part can contain a slash. @param collection `profiles`, or a slot */
export const searchDocumentKey = (state: StateKeys, collection: string, player: string) =>
  state.key('document', `${collection}/${player}`);

/** sorted set, all scores 0: text, NUL, player; in byte order. @param collection `profiles`, or a slot */
export const searchTermsKey = (state: StateKeys, collection: string) => state.key('search', collection);

/** Partition and generation in letters and digits, which Redis Search treats as one word: `p0g1`. */
export const generationLabel = ({ partition, generation }: StateKeys) => `${partition}g${generation}`;
