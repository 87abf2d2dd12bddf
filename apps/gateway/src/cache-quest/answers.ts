import { ApiProperty } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

/** The client's format for every answer that is not a document or a list. */
export class Answer {
  @ApiProperty({ example: 200, description: 'As of the response.' })
  readonly status!: number;

  @ApiProperty()
  readonly message!: string;
}

export const done = (message: string): Answer => ({ status: 200, message });

/** The client's own format for 404, instead of a problem. */
export function missing(reply: FastifyReply, message = 'Not Found'): Answer {
  reply.status(404);
  return { status: 404, message };
}
