import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Milliseconds that a request may take besides what it was asked to wait; then Redis counts as away. */
const DEADLINE = 1_700;

/** The end of a request's time, which can be put off. */
class Deadline {
  private end = Number.POSITIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly onOver: () => void) {
    this.set(DEADLINE);
  }

  get left(): number {
    return Math.max(this.end - performance.now(), 0);
  }

  set(left: number): void {
    this.stop();
    this.end = performance.now() + left;
    if (left < Number.POSITIVE_INFINITY) this.timer = setTimeout(this.onOver, left).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    deadline: Deadline | undefined;
  }
}

/**
 * Answers a request whose time is over, whatever it waits for: one time for all that it asks of Redis, since commands
 * that wait for others to be given up would add up. It begins when all of the body is there. What comes of the request
 * later is dropped.
 *
 * @param answer sends the answer
 */
export function limitAnsweringTime(
  fastify: FastifyInstance,
  answer: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  fastify.decorateRequest('deadline', undefined);
  fastify.addHook('preHandler', (request, reply, done) => {
    request.deadline = new Deadline(() => answer(request, reply));
    done();
  });
  fastify.addHook('onResponse', (request, _reply, done) => {
    request.deadline?.stop();
    done();
  });
}

/** What is left of a request's time, in milliseconds. */
export const timeLeft = ({ deadline }: FastifyRequest): number => deadline?.left ?? DEADLINE;

/** Gives a request more time. @param milliseconds `Infinity` for what takes as long as it takes */
export function addTime({ deadline }: FastifyRequest, milliseconds: number): void {
  deadline?.set(deadline.left + milliseconds);
}
