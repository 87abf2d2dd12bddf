import { scriptsIn } from '#libs/redis';

/** Loads a Lua script of this library by name, from `lua/`. */
export const script = scriptsIn(new URL('./lua/', import.meta.url));
