import { nodesOf, type RedisClient } from './clients/client.js';
import { unlessForbidden } from './errors.js';

/** A setting of the server with which acknowledged events could be lost, and what to do about it. */
export interface ServerFault {
  readonly setting: string;
  readonly message: string;
}

/** The server is not one that Questlog can rely on. */
export class ServerUnfitError extends Error {
  readonly code = 'SERVER_UNFIT';
  override readonly name = 'ServerUnfitError';

  constructor(readonly faults: readonly ServerFault[]) {
    super(`Redis is not set up to keep a log:\n  ${faults.map(fault => fault.message).join('\n  ')}`);
  }
}

/** What a server was found to be. */
export interface ServerReport {
  readonly name: string;
  readonly faults: ServerFault[];
  /** Settings that the server does not tell. */
  readonly unknown: string[];
}

/** By what `INFO` calls it, which is there where CONFIG is forbidden. */
const SETTINGS = { maxmemory_policy: 'maxmemory-policy', aof_enabled: 'appendonly' } as const;

/** Reads what the server says of itself, or the nodes of a cluster: version, eviction and persistence. */
export async function inspectServer(
  redis: RedisClient,
  which: 'master' | 'all' = 'all',
): Promise<ServerReport> {
  const nodes = nodesOf(redis, which);
  const infos = await Promise.all(nodes.map(async node => parseInfo(await node.info())));
  const found = infos.flatMap(info => faultsOf(info, nodes.length > 1));
  if (nodes[0] === redis && infos[0]?.get('cluster_enabled') === '1') found.push(NODE_OF_CLUSTER);
  // Nodes mostly have the same faults.
  const faults = [...new Map(found.map(fault => [fault.message, fault])).values()];
  const unknown = Object.entries(SETTINGS).flatMap(([field, setting]) =>
    infos.every(info => info.has(field)) ? [] : [setting],
  );
  return { name: nameOf(infos[0]), faults, unknown };
}

/** What `appendfsync` can be, the weakest first. */
export const FSYNC_POLICIES = ['no', 'everysec', 'always'] as const;
export type FsyncPolicy = (typeof FSYNC_POLICIES)[number];

/** @returns the weakest `appendfsync` of the servers; nothing where they do not tell it, as many that others run */
export async function fsyncPolicyOf(redis: RedisClient): Promise<FsyncPolicy | undefined> {
  const replies = nodesOf(redis, 'master').map(node => unlessForbidden(node.config('GET', 'appendfsync')));
  const found = ((await Promise.all(replies)) as string[][]).map(([, policy]) => policy);
  return FSYNC_POLICIES.find(policy => found.includes(policy));
}

const NODE_OF_CLUSTER: ServerFault = {
  setting: 'cluster-enabled',
  message: 'this Redis is a node of a cluster: name it in REDIS_CLUSTER_NODES, instead of REDIS_URL',
};

/** These faults are no matter of taste: nothing works with them. */
export const isFatal = ({ setting }: ServerFault): boolean =>
  setting === 'version' || setting === NODE_OF_CLUSTER.setting;

function nameOf(info: Map<string, string> | undefined): string {
  const valkey = info?.get('valkey_version');
  return valkey ? `Valkey ${valkey}` : `Redis ${info?.get('redis_version') ?? '0'}`;
}

function faultsOf(info: Map<string, string>, isNode: boolean): ServerFault[] {
  const name = nameOf(info);
  const where = isNode ? ' on a node' : '';
  const faults: ServerFault[] = [];
  if (Number.parseInt(name.replace(/^\w+ /, ''), 10) < 7) {
    faults.push({
      setting: 'version',
      message: `${name} is too old: Questlog needs Redis 7.0 or Valkey 8, or later`,
    });
  }
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    faults.push({
      setting: 'maxmemory-policy',
      message: `maxmemory-policy is ${policy}${where}: a full Redis would delete events. Set it: CONFIG SET maxmemory-policy noeviction`,
    });
  }
  if (info.get('aof_enabled') === '0') {
    faults.push({
      setting: 'appendonly',
      message: `the append-only file is off${where}: a restart would lose events. Turn it on: CONFIG SET appendonly yes`,
    });
  }
  return faults;
}

/** Lines such as `maxmemory:0`; comments begin with `#`. */
export function parseInfo(text: string): Map<string, string> {
  const lines = text.split(/\r?\n/).filter(line => !line.startsWith('#') && line.includes(':'));
  return new Map(
    lines.map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  );
}
