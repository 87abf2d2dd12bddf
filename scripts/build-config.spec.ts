import config from '../rolldown.config.js';

describe('the build', () => {
  it('fails if a package is missing, and names the remedy', () => {
    const log = { code: 'UNRESOLVED_IMPORT', message: "Could not resolve 'left-pad'" };
    expect(() => config.onLog('warn', log, () => {})).toThrow(/left-pad[\s\S]*npm ci/);
  });

  it('passes other messages on', () => {
    const passed: unknown[] = [];
    config.onLog('warn', { code: 'EVAL', message: 'eval' }, (level: string) => passed.push(level));
    expect(passed).toEqual(['warn']);
  });
});
