import type { FastifyInstance } from 'fastify';

/** HTTP/1.1 requires it, and allows it to be empty. */
const KEPT = 'host';

/** Removes headers without a value: generated clients send every optional header. */
export function dropEmptyHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    for (const name in headers) if (headers[name] === '' && name !== KEPT) delete headers[name];
    done();
  });
}
