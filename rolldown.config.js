import { cpSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Every program becomes a file in the place of its source, every library a `bundle.js` behind its index; `chunks/` has
 * what they share besides. A service reads thirty files at its start instead of 1,800. What stays a package is `OUTSIDE`.
 */
const PROGRAMS = [
  'apps/*/src/main.ts',
  'libs/*/src/index.ts',
  'scripts/{start,healthcheck,rebuild,verify,repartition,dead-letters}.ts',
  // What developers run; the image is built without these folders.
  'benchmarks/{bench,board-size,derived-board,scaling}.ts',
  'benchmarks/baselines/*.ts',
  'test/chaos/main.ts',
];
/** What is found beside its reader, when that runs. */
const FILES = ['apps/gateway/src/page', 'libs/redis/src/scripts'];

const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Stays in `node_modules`: what Nest asks for where somebody uses it, a folder that is served, and what tools need. */
const OUTSIDE = [
  /^(@nestjs\/(platform-express|websockets)|kafkajs|mqtt|@nats-io|amqp|@fastify\/(multipart|view)|@grpc|swagger-ui-dist)/,
  ...Object.keys(devDependencies).map(name => new RegExp(`^${name}($|/)`)),
];

const libraryOf = id => /^libs\/[^/]+\/src\//.exec(relative(import.meta.dirname, id))?.[0].concat('bundle');

const files = {
  name: 'files',
  /** Where packages fail is seen without maps of them, which cost 40 MiB and a third of a second at each start. */
  generateBundle(_, bundle) {
    for (const name of Object.keys(bundle)) if (/^chunks\/.*\.map$/.test(name)) delete bundle[name];
  },
  writeBundle({ dir }) {
    for (const path of FILES) cpSync(path, join(dir, path), { recursive: true });
  },
};

export default {
  input: Object.fromEntries(globSync(PROGRAMS).map(path => [path.replace(/\.ts$/, ''), path])),
  platform: 'node',
  resolve: { conditionNames: ['questlog-source', 'node', 'import'] },
  external: OUTSIDE,
  preserveEntrySignatures: 'allow-extension',
  plugins: [files],
  output: {
    dir: 'dist',
    sourcemap: true,
    keepNames: true,
    strictExecutionOrder: true,
    chunkFileNames: ({ name }) => (name.startsWith('libs/') ? '[name].js' : 'chunks/[name].js'),
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ name: libraryOf, debugName: 'libs' }],
    },
  },
};
