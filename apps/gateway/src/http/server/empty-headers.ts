import type { FastifyInstance } from 'fastify';

/** HTTP/1.1 allows an empty one, and asks for it to be there. */
const KEPT = 'host';

/** Treats headers without a value as absent: generated clients send every optional header that they know. */
export function dropEmptyHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    for (const name in headers) if (headers[name] === '' && name !== KEPT) delete headers[name];
    done();
  });
}
