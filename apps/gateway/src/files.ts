import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** What stands at `/` where there is no game. */
const BUILT_IN = fileURLToPath(new URL('./page', import.meta.url));

/**
 * Serves a folder at `/`: files that no route has the place of. Those whose names begin with a dot are not there.
 *
 * @param folder of a game; unset: a page that says what runs here
 */
export function serveFiles(fastify: FastifyInstance, folder = BUILT_IN): void {
  void fastify.register(fastifyStatic, {
    root: resolve(folder),
    dotfiles: 'ignore',
    // What is in a folder has links that are relative to it.
    redirect: true,
    decorateReply: false,
    // What a game may load is the game's to say: many have styles in their page, or WebAssembly.
    ...(folder !== BUILT_IN && {
      setHeaders: (reply: FastifyReply) => reply.removeHeader('content-security-policy'),
    }),
  });
}
