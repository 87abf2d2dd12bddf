export { prepareDocuments } from './document-choice.js';
export { documentEffects } from './document-effects.js';
export { DocumentIndex } from './document-index.js';
export { DOCUMENTS_GROUP, type Matches, type PlayerDocument, PROFILES } from './documents.js';
export { foldPrefix, nameTexts, playerOf, wordsOf } from './search-terms.js';
