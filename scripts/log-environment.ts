import { type Environment, loadLauncherConfig, loadLogConfig, processEnvironment } from '#libs/config';
import { DataFolder } from './data-folder.js';

/**
 * Where the log is, for commands beside the services: REDIS_URL, or the embedded Redis of a running `npm start`.
 *
 * @throws ConfigurationError
 */
export function logEnvironment(): Environment {
  const source = processEnvironment();
  const { REDIS_URL, DATA_DIR } = loadLauncherConfig(source);
  const url = REDIS_URL ?? new DataFolder(DATA_DIR).redisUrl;
  return loadLogConfig({ ...source, ...(url && { REDIS_URL: url }) });
}
