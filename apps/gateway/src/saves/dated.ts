import type { FastifyReply } from 'fastify';
import type { Appended } from '#libs/event-log';
import { timeOf } from '#libs/events';

/** Says in the answer to a write when its version was made, as a read of it will. */
export async function dated(reply: FastifyReply, appending: Promise<Appended>): Promise<Appended> {
  const appended = await appending;
  reply.header('Last-Modified', new Date(timeOf({ id: appended.ref.id, at: appended.at })).toUTCString());
  return appended;
}
