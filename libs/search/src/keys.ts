import type { StateKeys } from '#libs/projections';

/** JSON: what a player is found by. Neither part can hold a slash. @param collection `profiles`, or a slot */
export const searchDocumentKey = (state: StateKeys, collection: string, player: string) =>
  state.key('document', `${collection}/${player}`);

/** sorted set, all scores 0: text, NUL, player; in the order of bytes. @param collection `profiles`, or a slot */
export const searchTermsKey = (state: StateKeys, collection: string) => state.key('search', collection);

/** Names partition and generation in letters and digits, which Redis Search reads as one word: `p0g1`. */
export const generationLabel = ({ partition, generation }: StateKeys) => `${partition}g${generation}`;
