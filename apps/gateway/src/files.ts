import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** The page at `/` when no game is configured. */
const BUILT_IN = fileURLToPath(new URL('./page', import.meta.url));

/**
 * Serves the files of a folder at `/`. Routes come first, and files whose names begin with a dot are not served.
 *
 * @param folder of a game; the default is a page that describes this server
 */
export function serveFiles(fastify: FastifyInstance, folder = BUILT_IN): void {
  void fastify.register(fastifyStatic, {
    root: resolve(folder),
    dotfiles: 'ignore',
    // Pages in a folder have links relative to it.
    redirect: true,
    decorateReply: false,
    // The game decides what it loads: many use inline styles or WebAssembly.
    ...(folder !== BUILT_IN && {
      setHeaders: (reply: FastifyReply) => reply.removeHeader('content-security-policy'),
    }),
  });
}
