import { cpSync, globSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

/**
 * Every program becomes two files in the place of its source: `<name>.program.js`, and `<name>.js`, which looks at the
 * version of Node before it loads that one. Every library becomes a `bundle.js` behind its index; `chunks/` has what
 * they share besides. A service reads thirty files at its start instead of 1,800. What stays a package is `OUTSIDE`.
 */
const PROGRAMS = [
  'apps/*/src/main.ts',
  'scripts/{start,healthcheck,rebuild,verify,repartition,dead-letters}.ts',
  // What developers run; the image is built without these folders.
  'benchmarks/{archive,bench,board-size,derived-board,scaling}.ts',
  'benchmarks/baselines/*.ts',
  'test/chaos/main.ts',
];
const LIBRARIES = 'libs/*/src/index.ts';
/** What is found beside its reader, when that runs. */
const FILES = ['apps/gateway/src/page', ...globSync('{apps,libs}/*/src/lua')];

const { devDependencies, engines } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Stays in `node_modules`: what Nest asks for where somebody uses it, a folder that is served, and what tools need. */
const OUTSIDE = [
  /^(@nestjs\/(platform-express|websockets)|kafkajs|mqtt|@nats-io|amqp|@fastify\/(multipart|view)|@grpc|swagger-ui-dist)/,
  // But for `semver`, which Fastify needs, too: the image is built without what developers have.
  ...Object.keys(devDependencies)
    .filter(name => name !== 'semver')
    .map(name => new RegExp(`^${name}($|/)`)),
];

/** Loaded only where it is used, because the packages behind it are large: not a part of its library's bundle. */
const LAZY = ['s3-store', 'segments', 'segment-archive', 'segment-reader', 'segment-writer'].map(
  name => `libs/event-log/src/archive/${name}.ts`,
);

function libraryOf(id) {
  const path = relative(import.meta.dirname, id);
  return LAZY.includes(path) ? null : /^libs\/[^/]+\/src\//.exec(path)?.[0].concat('bundle');
}

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

const programs = globSync(PROGRAMS).map(path => path.replace(/\.ts$/, ''));

/** An older Node may load a program, and then fail at each write. What is said here, any Node since 14 can read. */
const guard = {
  name: 'guard',
  generateBundle() {
    const needed = Number(/\d+/.exec(engines.node)[0]);
    for (const program of programs) {
      const source = `if (Number.parseInt(process.versions.node, 10) >= ${needed}) await import('./${basename(program)}.program.js');
else {
  process.stderr.write(
    \`questlog: Node ${needed} or later is needed, and \${process.execPath} is Node \${process.versions.node}. \` +
      '\`npm ci\` brings the right one: start this with \`npm start\`, \`npm run ...\`, or node_modules/.bin/node\\n',
  );
  process.exitCode = 1;
}
`;
      this.emitFile({ type: 'asset', fileName: `${program}.js`, source });
    }
  },
};

/** A package that is missing is only a warning to Rolldown, and the program would end at its start. */
function failIfUnresolved(level, log, handle) {
  if (log.code === 'UNRESOLVED_IMPORT')
    throw new Error(`${log.message}\nA package is missing. Run "npm ci", and build again.`);
  handle(level, log);
}

export default {
  onLog: failIfUnresolved,
  input: {
    ...Object.fromEntries(programs.map(program => [`${program}.program`, `${program}.ts`])),
    ...Object.fromEntries(globSync(LIBRARIES).map(path => [path.replace(/\.ts$/, ''), path])),
  },
  platform: 'node',
  resolve: { conditionNames: ['questlog-source', 'node', 'import'] },
  external: OUTSIDE,
  preserveEntrySignatures: 'allow-extension',
  plugins: [files, guard],
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
