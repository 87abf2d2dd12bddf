import type { FastifyReply } from 'fastify';
import type { Appended } from '#libs/event-log';

/** Says in the answer to a write when its version was made, as a read of it will. */
export async function dated(reply: FastifyReply, appending: Promise<Appended>): Promise<Appended> {
  const appended = await appending;
  reply.header('Last-Modified', new Date(appended.ref.id.ms).toUTCString());
  return appended;
}
