import { ApiProperty } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

/** What the client expects of everything but a document or a list. */
export class Answer {
  @ApiProperty({ example: 200, description: 'As of the response.' })
  readonly status!: number;

  @ApiProperty()
  readonly message!: string;
}

export const done = (message: string): Answer => ({ status: 200, message });

/** Not a problem (RFC 9457) as elsewhere: the client knows this body. */
export function missing(reply: FastifyReply, message = 'Not Found'): Answer {
  reply.status(404);
  return { status: 404, message };
}
