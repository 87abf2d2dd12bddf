import { default as TestRunner } from 'jest-runner';

/**
 * Files whose tests compare times, or what the shared Redis counts. They run one at a time, after all others: a
 * neighbor would make them fail.
 */
const ALONE = new RegExp(
  [
    'test/e2e/(bad-inputs|failover|live|outage)\\.spec',
    'test/adversary/(erasures|lost-events|random-attack|worst-request)\\.spec',
    'test/chaos/chaos\\.spec',
    'libs/testing/src/costs/',
    '/(browser-rules|redis-outage|sentinel-client|streams-server)\\.int\\.spec',
  ].join('|'),
);

/** Jest's runner, except for the files that run alone. */
export default class Runner extends TestRunner {
  async runTests(tests, watcher, options) {
    const alone = tests.filter(({ path }) => ALONE.test(path));
    const others = tests.filter(test => !alone.includes(test));
    if (others.length > 0) await super.runTests(others, watcher, options);
    if (alone.length > 0) await super.runTests(alone, watcher, { ...options, serial: true });
  }
}
