import { existsSync } from 'node:fs';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import {
  ArchiverEnvironment,
  Environment,
  GatewayEnvironment,
  LauncherEnvironment,
  WorkerEnvironment,
} from './environment.js';
import { isSecret, readSecretFiles } from './secrets.js';

/** The environment has missing or invalid settings. The message lists all of them. */
export class ConfigurationError extends Error {
  readonly code = 'CONFIGURATION';
  override readonly name = 'ConfigurationError';
}

type Source = Readonly<Record<string, string | undefined>>;

/** The configuration of commands that only need the log. @throws ConfigurationError */
export const loadLogConfig = (source?: Source) => load(Environment, source);

/** @throws ConfigurationError */
export const loadGatewayConfig = (source?: Source) => load(GatewayEnvironment, source);

/** @throws ConfigurationError */
export const loadWorkerConfig = (source?: Source) => load(WorkerEnvironment, source);

/** @throws ConfigurationError */
export const loadArchiverConfig = (source?: Source) => load(ArchiverEnvironment, source);

/** @throws ConfigurationError */
export const loadLauncherConfig = (source?: Source) => load(LauncherEnvironment, source);

/** The environment of the process plus the variables of `.env` in the working directory. The environment wins. */
export function processEnvironment(): Source {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

function load<E extends object>(schema: new () => E, source: Source = processEnvironment()): E {
  const faults: string[] = [];
  const complete = readSecretFiles(source, Object.keys(new schema()), fault => faults.push(fault));
  // Compose files and shells often express "not set" as an empty variable.
  const set = Object.fromEntries(
    Object.entries(complete).filter(([, value]) => value !== undefined && value !== ''),
  );
  const environment = plainToInstance(schema, set, {
    enableImplicitConversion: true,
    exposeDefaultValues: true,
    excludeExtraneousValues: true,
  });
  for (const { constraints, property } of validateSync(environment)) {
    // The problem with its secret file has already been reported.
    if (faults.some(fault => fault.startsWith(property))) continue;
    const [rule = '', ...others] = Object.values(constraints ?? {});
    const first = rule.startsWith(property) ? rule : `${property}: ${rule}`;
    const fault = [first, ...others.map(text => text.replace(`${property} `, ''))].join(', and ');
    faults.push(isSecret(property) ? fault : `${fault}; it is ${formatValue(set[property])}`);
  }
  if (faults.length > 0) {
    throw new ConfigurationError(
      `the configuration is invalid:\n  ${faults.join('\n  ')}\nAll settings are described in .env.example.`,
    );
  }
  return environment;
}

/** An error message shows at most this much of an invalid value. */
const MAX_SHOWN_CHARACTERS = 60;

/** Hides passwords in URLs, even in variables that should not contain a URL. */
function formatValue(value = ''): string {
  const text = value.replace(/\/\/[^/]*@/g, '//…@');
  return JSON.stringify(
    text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text,
  );
}
