export * from './rethrow.filter.js';
export * from './stream-context.js';
export * from './streams-client.js';
export * from './streams-server.js';
