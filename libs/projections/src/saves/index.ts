export type * from './save.fold.js';
export * from './save.reader.js';
export { saves } from './save.store.js';
