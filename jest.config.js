import { availableParallelism } from 'node:os';

/** The kinds of test, told apart by suffix and place: what a test needs is in its file name. */
const shared = {
  testEnvironment: 'node',
  runner: '<rootDir>/test/runner.js',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    // NodeNext specifiers say `.js`; the sources beside them are `.ts`.
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // package.json's `imports` point at the build; tests run the sources.
    '^#libs/(.*)$': '<rootDir>/libs/$1/src/index.ts',
  },
  transform: { '^.+\\.ts$': '@swc/jest' },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};

const redis = '<rootDir>/libs/testing/src/global-redis.ts';
const teardown = '<rootDir>/libs/testing/src/global-teardown.ts';

export default {
  // Machines of other people are slow, and busy with other things.
  testTimeout: 30_000,
  // A test that fails may leave a connection open; the run has to end all the same.
  forceExit: true,
  // Most tests wait more than they compute. On two cores, Jest would use one worker.
  maxWorkers: Math.max(3, availableParallelism() - 1),
  // Modules that Jest loads for a test file stay in memory. A worker above this is replaced after its file.
  workerIdleMemoryLimit: '1GB',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: [
        '<rootDir>/{apps,libs,scripts}/**/*.spec.ts',
        '<rootDir>/test/{docs,kubernetes}/**/*.spec.ts',
      ],
      testPathIgnorePatterns: ['\\.int\\.spec\\.ts$'],
    },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/{apps,libs,scripts}/**/*.int.spec.ts'],
      globalSetup: redis,
      globalTeardown: teardown,
    },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.spec.ts'],
      globalSetup: '<rootDir>/test/e2e/support/global-system.ts',
      globalTeardown: '<rootDir>/test/e2e/support/global-teardown.ts',
    },
    {
      ...shared,
      displayName: 'adversary',
      testMatch: ['<rootDir>/test/adversary/**/*.spec.ts'],
    },
    {
      ...shared,
      displayName: 'chaos',
      testMatch: ['<rootDir>/test/chaos/**/*.spec.ts'],
    },
    {
      ...shared,
      displayName: 'model',
      testMatch: ['<rootDir>/test/model/**/*.spec.ts'],
    },
    {
      ...shared,
      displayName: 'containers',
      testMatch: ['<rootDir>/test/containers/**/*.spec.ts'],
    },
  ],
};
