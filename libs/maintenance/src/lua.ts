import { scriptsIn } from '#libs/redis';

/** Loads a script of this library from `lua/`. */
export const script = scriptsIn(new URL('./lua/', import.meta.url));
