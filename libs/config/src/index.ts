export * from './environment.js';
export * from './load.js';
