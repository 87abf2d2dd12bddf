import { type Environment, loadLauncherConfig, loadLogConfig, processEnvironment } from '#libs/config';
import { DataFolder, EMBEDDED_ACCESS } from './data-folder.js';

/**
 * Where the log is, for commands beside the services: what the environment says, or the embedded Redis of a running `npm start`.
 *
 * @throws ConfigurationError
 */
export function logEnvironment(): Environment {
  const source = processEnvironment();
  const { DATA_DIR, places } = loadLauncherConfig(source);
  const url = places.length === 0 && new DataFolder(DATA_DIR).redisUrl;
  return loadLogConfig({ ...source, ...(url && { ...EMBEDDED_ACCESS, REDIS_URL: url }) });
}
