import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { projections } from '#libs/maintenance';

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const servicesOf = (file: string) => {
  const text = readFileSync(file, 'utf8').replace(/!(override|reset)\b/g, '');
  const { services } = parse(text, { merge: true }) as { services: Record<string, Service | null> };
  return Object.entries(services).flatMap(([name, service]) => (service ? [{ file, name, ...service }] : []));
};

const FILES = ['docker-compose.yml', 'docker-compose.valkey.yml', 'docker-compose.cluster.yml'];
const services = FILES.flatMap(servicesOf);

describe('the compose files', () => {
  const servers = services.filter(({ command }) => /^(redis|valkey)-server$/.test(command?.[0] ?? ''));

  it('start no Redis without a password', () => {
    expect(servers.map(({ name }) => name)).toHaveLength(8);
    for (const { file, name, command = [] } of servers)
      expect({ file, name, password: command[command.indexOf('--requirepass') + 1] }).toEqual({
        file,
        name,
        password: expect.stringMatching(/^\$\{REDIS_PASSWORD:\?/),
      });
  });

  it('let the nodes of a cluster into each other', () => {
    for (const { command = [] } of servers.filter(({ file }) => file.includes('cluster')))
      expect(command[command.indexOf('--masterauth') + 1]).toMatch(/^\$\{REDIS_PASSWORD/);
  });

  it('give the password to whoever asks Redis', () => {
    const own = servicesOf('docker-compose.yml').filter(({ image }) => image === 'questlog');
    expect(own).toHaveLength(1 + projections.length);
    expect(own.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['gateway', ...projections.map(projection => projection.name)]),
    );
    for (const { environment } of own) expect(environment?.REDIS_PASSWORD).toMatch(/^\$\{REDIS_PASSWORD:\?/);
    for (const { file, name, environment } of services.filter(({ image }) => image?.startsWith('redis')))
      expect({ file, name, password: environment?.REDISCLI_AUTH }).toMatchObject({
        password: expect.stringMatching(/^\$\{REDIS_PASSWORD/),
      });
  });
});
