import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArchiverEnvironment, GatewayEnvironment, LauncherEnvironment } from './environment.js';
import {
  ConfigurationError,
  loadArchiverConfig,
  loadGatewayConfig,
  loadLauncherConfig,
  loadWorkerConfig,
} from './load.js';
import { isSecret, secretFileVariable } from './secrets.js';

const key = 'k'.repeat(16);

describe('the configuration', () => {
  it('has defaults for everything in development', () => {
    expect(loadGatewayConfig({})).toMatchObject({
      PORT: 3000,
      KEY_PREFIX: 'ql',
      SERVER_KEYS: [],
      isProduction: false,
    });
    expect(loadWorkerConfig({})).toMatchObject({ CLAIM_IDLE_MS: 10_000, MAX_DELIVERIES: 5 });
  });

  it('converts numbers and lists', () => {
    const config = loadGatewayConfig({ PORT: '8080', SERVER_KEYS: `${key}1, ${key}2,` });
    expect(config.PORT).toBe(8080);
    expect(config.SERVER_KEYS).toEqual([`${key}1`, `${key}2`]);
  });

  it.each(['*', 'https://game.example', 'http://localhost:8080,capacitor://localhost, https://[::1]:3000'])(
    'accepts the origins %s',
    text => {
      const origins = text.split(/, ?/);
      expect(loadGatewayConfig({ CORS_ORIGINS: text }).CORS_ORIGINS).toEqual(origins);
    },
  );

  it('treats an empty variable as unset', () => {
    expect(loadGatewayConfig({ PORT: '', SERVER_KEYS: '' })).toMatchObject({ PORT: 3000, SERVER_KEYS: [] });
  });

  it.each([
    ['PORT', 'eighty'],
    ['PORT', '65536'],
    ['PORT', '1.5'],
    ['TRUST_PROXY', 'yes'],
    ['TRUST_PROXY', '1'],
    ['COOKIE_SAMESITE', 'strict'],
    ['FRAME_ANCESTORS', 'portal.example'],
    ['FRAME_ANCESTORS', 'https://portal.example; script-src *'],
    ['FRAME_ANCESTORS', 'https://portal.example/'],
    ['CROSS_ORIGIN_ISOLATION', 'yes'],
    ['CORS_ORIGINS', 'game.example'],
    ['CORS_ORIGINS', 'https://game.example/'],
    ['CORS_ORIGINS', 'https://*.example'],
    ['CORS_ORIGINS', 'https://game.example, *'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_CLUSTER_NODES', 'redis://node-1:6379'],
    ['REDIS_CLUSTER_NODES', 'node-1:6379,node-2'],
    ['REDIS_SENTINELS', 'sentinel-1'],
    ['REDIS_TLS', 'yes'],
    ['WRITE_QUORUM', '-1'],
    ['NODE_ENV', 'staging'],
    ['LOG_LEVEL', 'loud'],
    ['SCORES_PARTITIONS', '0'],
    ['KEY_PREFIX', 'a{b}'],
    ['SERVER_KEYS', 'short'],
    ['RATE_LIMIT', 'player.wirte=50/10s'],
    ['PUBLIC_DIR', 'no/such/folder'],
    ['PUBLIC_DIR', 'package.json'],
    ['PUBLIC_DIR', 'package.json/folder'],
  ])('rejects %s=%s and names the variable', (name, value) => {
    expect(() => loadGatewayConfig({ [name]: value })).toThrow(ConfigurationError);
    expect(() => loadGatewayConfig({ [name]: value })).toThrow(new RegExp(name));
  });

  describe('of the archive', () => {
    it('names no archive by default, and keeps two days of events in Redis', () => {
      expect(loadArchiverConfig({})).toMatchObject({
        ARCHIVE_URL: undefined,
        TAIL_HOURS: 48,
        TAIL_BYTES: 0,
        SEAL_MINUTES: 60,
        ERASURE_DAYS: 30,
      });
    });

    it.each([
      'file:///var/lib/questlog/archive',
      's3://bucket',
      's3://bucket/a/b?endpoint=https://s3.example:7070',
    ])('accepts the store %s', url => {
      expect(loadGatewayConfig({ ARCHIVE_URL: url }).ARCHIVE_URL).toBe(url);
    });

    it.each(['data/archive', 'file://host/path', 'https://bucket', 's3://key:hunter2@bucket'])(
      'rejects the store %s and does not show it',
      url => {
        expect(() => loadGatewayConfig({ ARCHIVE_URL: url })).toThrow(/ARCHIVE_URL must look like/);
        expect(() => loadGatewayConfig({ ARCHIVE_URL: url })).not.toThrow(/hunter2/);
      },
    );

    it.each([
      ['TAIL_HOURS', '0'],
      ['TAIL_BYTES', '-1'],
      ['SEAL_MINUTES', 'often'],
      ['ERASURE_DAYS', '366'],
    ])('rejects %s=%s and names the variable', (name, value) => {
      expect(() => loadArchiverConfig({ [name]: value })).toThrow(new RegExp(name));
    });
  });

  describe('of Redis', () => {
    const nodes = 'node-1:6379, [::1]:6380';
    const open = { username: undefined, password: undefined, tls: false };

    it('is one server on this machine by default', () => {
      expect(loadGatewayConfig({}).redis).toEqual({ ...open, url: 'redis://127.0.0.1:6379' });
      expect(loadGatewayConfig({ REDIS_URL: 'rediss://a:1' }).redis).toEqual({
        ...open,
        url: 'rediss://a:1',
      });
    });

    it('can be a cluster', () => {
      const access = { REDIS_USERNAME: 'questlog', REDIS_PASSWORD: '1234', REDIS_TLS: 'on' };
      expect(loadGatewayConfig({ REDIS_CLUSTER_NODES: nodes, ...access }).redis).toEqual({
        nodes: ['node-1:6379', '[::1]:6380'],
        username: 'questlog',
        password: '1234',
        tls: true,
      });
    });

    it('can be chosen by Sentinels', () => {
      const sentinel = { REDIS_SENTINEL_MASTER: 'questlog', REDIS_SENTINEL_PASSWORD: 'secret' };
      expect(loadGatewayConfig({ REDIS_SENTINELS: nodes, ...sentinel }).redis).toEqual({
        ...open,
        sentinels: ['node-1:6379', '[::1]:6380'],
        master: 'questlog',
        sentinelPassword: 'secret',
      });
    });

    it.each([
      ['REDIS_URL', 'REDIS_CLUSTER_NODES'],
      ['REDIS_URL', 'REDIS_SENTINELS'],
      ['REDIS_CLUSTER_NODES', 'REDIS_SENTINELS'],
    ])('is not both %s and %s', (first, second) => {
      const both = { [first]: 'redis://node-1:6379', [second]: 'node-2:6379' };
      if (first !== 'REDIS_URL') both[first] = 'node-1:6379';
      expect(() => loadGatewayConfig(both)).toThrow(`${first} and ${second} are set`);
      expect(() => loadLauncherConfig(both)).toThrow(ConfigurationError);
    });
  });

  describe('of secrets', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'questlog-secrets-'));
    });
    afterAll(() => rmSync(folder, { recursive: true }));
    const file = (text: string) => {
      const path = join(folder, 'secret');
      writeFileSync(path, text);
      return path;
    };

    it('reads them from files, without trailing newlines', () => {
      expect(loadGatewayConfig({ SERVER_KEYS_FILE: file(`${key}1,${key}2\n`) }).SERVER_KEYS).toEqual([
        `${key}1`,
        `${key}2`,
      ]);
      expect(loadGatewayConfig({ ADMIN_KEYS_FILE: file(`${key}1\r\n${key}2\r\n`) }).ADMIN_KEYS).toEqual([
        `${key}1`,
        `${key}2`,
      ]);
      expect(loadWorkerConfig({ REDIS_PASSWORD_FILE: file(' with blanks \n') }).redis.password).toBe(
        ' with blanks ',
      );
      expect(loadLauncherConfig({ REDIS_URL_FILE: file('redis://node-1:6379') }).redisVariables).toEqual([
        'REDIS_URL',
      ]);
      const sentinels = { REDIS_SENTINELS: 'a:1', REDIS_SENTINEL_PASSWORD_FILE: file('hunter2\n') };
      expect(loadGatewayConfig(sentinels).redis).toMatchObject({ sentinelPassword: 'hunter2' });
    });

    it('does not read the files of secrets that the process does not need', () => {
      expect(() => loadWorkerConfig({ SERVER_KEYS_FILE: '/no/such/file' })).not.toThrow();
    });

    it('rejects a secret that is given twice', () => {
      const twice = { REDIS_PASSWORD: 'hunter2', REDIS_PASSWORD_FILE: file('hunter3') };
      expect(() => loadGatewayConfig(twice)).toThrow('REDIS_PASSWORD and REDIS_PASSWORD_FILE are set');
      expect(() => loadGatewayConfig(twice)).not.toThrow(/hunter/);
    });

    it.each([
      '/no/such/file',
      '/',
      '/dev/null',
      '/dev/zero',
      '/dev/random',
      '/dev/tty',
      '/proc/kmsg',
      '/proc/self/mem',
    ])('reports that the file %s cannot be read', path => {
      expect(() => loadGatewayConfig({ NODE_ENV: 'production', ADMIN_KEYS_FILE: path })).toThrow(
        `ADMIN_KEYS_FILE: ${path} cannot be read`,
      );
      expect(() => loadGatewayConfig({ ADMIN_KEYS_FILE: path })).toThrow(ConfigurationError);
    });

    it('neither waits for a pipe nor reads a large file', () => {
      const pipe = join(folder, 'pipe');
      spawnSync('mkfifo', [pipe]);
      for (const path of [pipe, file('k'.repeat(64 * 1024 + 1))])
        expect(() => loadWorkerConfig({ REDIS_PASSWORD_FILE: path })).toThrow(
          /REDIS_PASSWORD_FILE: \S+ cannot be read \(it is .*\): name a file of at most 65536 bytes/,
        );
      expect(
        loadWorkerConfig({ REDIS_PASSWORD_FILE: file('k'.repeat(64 * 1024)) }).redis.password,
      ).toHaveLength(64 * 1024);
    });

    it('follows links, because Kubernetes mounts secrets as links', () => {
      const path = file('hunter2\n');
      symlinkSync(folder, join(folder, '..data'));
      symlinkSync(join('..data', 'secret'), join(folder, 'mounted'));
      expect(loadWorkerConfig({ REDIS_PASSWORD_FILE: join(folder, 'mounted') }).redis.password).toBe(
        'hunter2',
      );
      const open = openSync(path, 'r');
      expect(loadWorkerConfig({ REDIS_PASSWORD_FILE: `/proc/self/fd/${open}` }).redis.password).toBe(
        'hunter2',
      );
      closeSync(open);
    });

    it('rejects an empty file', () => {
      expect(() => loadGatewayConfig({ SERVER_KEYS_FILE: file('\n') })).toThrow(
        /SERVER_KEYS_FILE: .* is empty/,
      );
    });
  });

  it('shows the invalid value, unless it is a secret', () => {
    expect(() => loadWorkerConfig({ CLAIM_IDLE_MS: 'soon' })).toThrow(/CLAIM_IDLE_MS.*; it is "soon"/);
    expect(() => loadGatewayConfig({ PUBLIC_DIR: 'x'.repeat(100) })).toThrow(
      `PUBLIC_DIR must be a folder with the files of a game; leave it unset for the built-in page; it is "${'x'.repeat(60)}…"`,
    );
    expect(() => loadGatewayConfig({ SERVER_KEYS: 'hunter2' })).not.toThrow(/hunter2/);
    expect(() => loadGatewayConfig({ REDIS_URL: 'localhost:hunter2' })).not.toThrow(/hunter2/);
    expect(() => loadGatewayConfig({ REDIS_CLUSTER_NODES: 'redis://me:hunter2@node:6379' })).toThrow(
      'it is "redis://…@node:6379"',
    );
  });

  it('lists all invalid settings at once', () => {
    expect(() => loadGatewayConfig({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow(
      /PORT[\s\S]*LOG_LEVEL|LOG_LEVEL[\s\S]*PORT/,
    );
  });

  it('requires keys for a gateway in production', () => {
    expect(() => loadGatewayConfig({ NODE_ENV: 'production' })).toThrow(
      /SERVER_KEYS[\s\S]*ADMIN_KEYS|ADMIN_KEYS[\s\S]*SERVER_KEYS/,
    );
    expect(() => loadGatewayConfig({ NODE_ENV: 'production', SERVER_KEYS: key })).toThrow(/ADMIN_KEYS/);
    expect(() => loadGatewayConfig({ NODE_ENV: 'production', ADMIN_KEYS: key })).toThrow(/SERVER_KEYS/);
    expect(
      loadGatewayConfig({ NODE_ENV: 'production', SERVER_KEYS: key, ADMIN_KEYS: key }).isProduction,
    ).toBe(true);
  });
});

describe('.env.example', () => {
  const example = readFileSync('.env.example', 'utf8');
  const documented = Object.fromEntries(
    [...example.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  ) as Record<string, string>;
  const schemas = [new GatewayEnvironment(), new ArchiverEnvironment(), new LauncherEnvironment()];
  const variables = schemas.flatMap(schema => Object.getOwnPropertyNames(schema));
  const known = new Set([...variables, ...variables.filter(isSecret).map(secretFileVariable)]);

  it('supports a file for every variable that looks like a secret', () => {
    const secret = /(_KEYS?|PASSWORD|SECRETS?|TOKENS?|_URL)$/;
    expect(variables.filter(name => secret.test(name) && !isSecret(name))).toEqual([]);
  });

  it('lists exactly the variables that are read', () => {
    expect(Object.keys(documented).sort()).toEqual([...known].sort());
  });

  it('shows the defaults', () => {
    expect(loadGatewayConfig(documented)).toEqual(loadGatewayConfig({}));
    expect(loadWorkerConfig(documented)).toEqual(loadWorkerConfig({}));
    expect(loadArchiverConfig(documented)).toEqual(loadArchiverConfig({}));
    expect(loadLauncherConfig(documented)).toEqual(loadLauncherConfig({}));
  });
});
