import { existsSync } from 'node:fs';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { Environment, GatewayEnvironment, LauncherEnvironment, WorkerEnvironment } from './environment.js';
import { isSecret, withSecretFiles } from './secrets.js';

/** The environment does not say what a process needs to know. The message lists every fault. */
export class ConfigurationError extends Error {
  readonly code = 'CONFIGURATION';
  override readonly name = 'ConfigurationError';
}

type Source = Readonly<Record<string, string | undefined>>;

/** For commands that only need the log. @throws ConfigurationError */
export const loadLogConfig = (source?: Source) => load(Environment, source);

/** @throws ConfigurationError */
export const loadGatewayConfig = (source?: Source) => load(GatewayEnvironment, source);

/** @throws ConfigurationError */
export const loadWorkerConfig = (source?: Source) => load(WorkerEnvironment, source);

/** @throws ConfigurationError */
export const loadLauncherConfig = (source?: Source) => load(LauncherEnvironment, source);

/** The process's environment, with what a `.env` in the working directory adds to it. Set variables win. */
export function processEnvironment(): Source {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

function load<E extends object>(schema: new () => E, source: Source = processEnvironment()): E {
  const faults: string[] = [];
  const complete = withSecretFiles(source, Object.keys(new schema()), fault => faults.push(fault));
  // An empty variable is how compose files and shells write "not set".
  const set = Object.fromEntries(
    Object.entries(complete).filter(([, value]) => value !== undefined && value !== ''),
  );
  const environment = plainToInstance(schema, set, {
    enableImplicitConversion: true,
    exposeDefaultValues: true,
    excludeExtraneousValues: true,
  });
  for (const { constraints, property } of validateSync(environment)) {
    // What is wrong with its file has been said.
    if (faults.some(fault => fault.startsWith(property))) continue;
    const [rule = '', ...others] = Object.values(constraints ?? {});
    const first = rule.startsWith(property) ? rule : `${property}: ${rule}`;
    const fault = [first, ...others.map(text => text.replace(`${property} `, ''))].join(', and ');
    faults.push(isSecret(property) ? fault : `${fault}; it is ${shown(set[property])}`);
  }
  if (faults.length > 0) {
    throw new ConfigurationError(
      `the environment is not right:\n  ${faults.join('\n  ')}\nSee .env.example.`,
    );
  }
  return environment;
}

/** Characters of a wrong value that a message shows. */
const SHOWN_VALUE = 60;

/** A password in an address is not for the log, even where no address belongs. */
function shown(value = ''): string {
  const text = value.replace(/\/\/[^/]*@/g, '//…@');
  return JSON.stringify(text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE)}…` : text);
}
