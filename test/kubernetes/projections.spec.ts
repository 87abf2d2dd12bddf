import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { projections } from '#libs/maintenance';

const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

describe.each(projections.map(({ name }) => name))('the projection %s', name => {
  it('has an app, which can be built and started', () => {
    const main = `apps/${name}/src/main`;
    expect(existsSync(`${main}.ts`)).toBe(true);
    expect(json('package.json').scripts[`start:${name}`]).toBe(`exec node dist/${main}.js`);
    expect(json('nest-cli.json').projects[name]).toMatchObject({
      root: `apps/${name}`,
      sourceRoot: `apps/${name}/src`,
    });
  });

  it.each(['docker-compose.yml', 'docker-compose.cluster.yml'])('is a service of %s', file => {
    expect(Object.keys(parse(readFileSync(file, 'utf8'), { logLevel: 'error' }).services)).toContain(name);
  });
});

it('has no two projections with one name or title', () => {
  expect(new Set(projections.map(({ name }) => name)).size).toBe(projections.length);
  expect(new Set(projections.map(({ title }) => title)).size).toBe(projections.length);
});
