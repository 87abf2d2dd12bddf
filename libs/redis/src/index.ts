export * from './address.js';
export * from './batched.js';
export * from './client.js';
export * from './errors.js';
export * from './keys.js';
export * from './script.js';
export * from './server-check.js';
export * from './write-quorum.js';
