import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { isFramedByOthers } from './http/server/browser-rules.js';

/** The page at `/` when no game is configured. */
const BUILT_IN = fileURLToPath(new URL('./page', import.meta.url));

/**
 * Serves the files of a folder at `/`. Routes come first, and files whose names begin with a dot are not served.
 *
 * @param folder of a game; the default is a page that describes this server
 * @param ancestors what may frame the pages
 */
export function serveFiles(
  fastify: FastifyInstance,
  folder = BUILT_IN,
  ancestors: readonly string[] = [],
): void {
  void fastify.register(fastifyStatic, {
    root: resolve(folder),
    dotfiles: 'ignore',
    // Pages in a folder have links relative to it.
    redirect: true,
    decorateReply: false,
    setHeaders: (reply: FastifyReply) => {
      // The game decides what it loads: many use inline styles or WebAssembly.
      if (folder !== BUILT_IN) setFramePolicy(reply, ancestors);
      // Pages that are isolated themselves frame only what allows it. Answers of the API, which are personal, do not.
      if (isFramedByOthers(ancestors)) reply.header('cross-origin-resource-policy', 'cross-origin');
    },
  });
}

function setFramePolicy(reply: FastifyReply, ancestors: readonly string[]): void {
  if (ancestors.length === 0) reply.removeHeader('content-security-policy');
  else reply.header('content-security-policy', `frame-ancestors ${ancestors.join(' ')}`);
}
