import { type Environment, loadLauncherConfig, loadLogConfig, processEnvironment } from '#libs/config';
import { DataFolder, EMBEDDED_REDIS_SETTINGS } from './data-folder.js';

/**
 * The configuration for commands that use the log: from the environment, or the embedded Redis of a running `npm start`.
 *
 * @throws ConfigurationError
 */
export function logEnvironment(): Environment {
  const source = processEnvironment();
  const { DATA_DIR, redisVariables } = loadLauncherConfig(source);
  const url = redisVariables.length === 0 && new DataFolder(DATA_DIR).redisUrl;
  return loadLogConfig({ ...source, ...(url && { ...EMBEDDED_REDIS_SETTINGS, REDIS_URL: url }) });
}
