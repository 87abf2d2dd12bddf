export { prepareDocuments } from './document-choice.js';
export { documentEffects } from './document-effects.js';
export { DocumentIndex } from './document-index.js';
export { documentStoreIn, documentStoreOf } from './document-store.js';
export { DOCUMENTS_GROUP, type Matches, type PlayerDocument, PROFILES } from './documents.js';
export { documentIndex, playersPrefix } from './index-keys.js';
export { generationLabel, searchTermsKey } from './keys.js';
export { foldPrefix, nameTexts, playerOf, wordsOf } from './search-terms.js';
