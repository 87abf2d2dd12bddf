import { globSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Script } from '#libs/redis';

/** A script of whichever library or app has it. */
export function scriptNamed<Reply>(name: string): Script<Reply> {
  const [file] = globSync(`{libs/*,apps/*}/src/lua/${name}.lua`);
  if (!file) throw new Error(`no Lua script is called ${name}`);
  return new Script(pathToFileURL(file));
}
