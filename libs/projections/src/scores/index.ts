export type * from './score-document.fold.js';
export * from './score-document.reader.js';
export { scoreDocuments } from './score-document.store.js';
