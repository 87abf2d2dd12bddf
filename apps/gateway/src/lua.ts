import { scriptsIn } from '#libs/redis';

/** Loads a script of the gateway from `lua/`. */
export const script = scriptsIn(new URL('./lua/', import.meta.url));
