import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Time limit of a request, without the time that the client asked to wait. After it, the answer is 503. */
const DEADLINE_MS = 1_700;

/** A deadline that can be extended. */
class Deadline {
  private end = Number.POSITIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly onOver: () => void) {
    this.set(DEADLINE_MS);
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

/** Answers a request whose deadline has passed. */
type LateAnswer = (request: FastifyRequest, reply: FastifyReply) => void;

declare module 'fastify' {
  interface FastifyRequest {
    deadline: Deadline | undefined;
  }
  interface FastifyInstance {
    answerLate: LateAnswer;
  }
}

/**
 * Answers requests when their deadline has passed. Their later result is dropped.
 *
 * The deadline covers only the time until the answer begins. An answer that has begun cannot be replaced. The connection's limits
 * decide how fast a client must read it.
 */
export function limitAnsweringTime(fastify: FastifyInstance, answerLate: LateAnswer): void {
  fastify.decorate('answerLate', answerLate);
  fastify.decorateRequest('deadline', undefined);
  fastify.addHook('onResponse', (request, _reply, done) => {
    request.deadline?.stop();
    done();
  });
}

/**
 * Starts the deadline of a request. The first guard calls this when the whole body has arrived. One deadline
 * covers all Redis commands of a request, because the timeouts of commands that run one after another would add up.
 */
export function beginTime(request: FastifyRequest, reply: FastifyReply): void {
  request.deadline = new Deadline(() => {
    if (!hasAnswer(reply)) request.server.answerLate(request, reply);
  });
}

/** Whether an answer has begun, or the client is gone. */
const hasAnswer = ({ sent, raw }: FastifyReply) => sent || raw.headersSent || raw.destroyed;

/** Milliseconds until the deadline. */
export const timeLeft = ({ deadline }: FastifyRequest): number => deadline?.left ?? DEADLINE_MS;

/** Extends the deadline. @param milliseconds `Infinity` removes it */
export function addTime({ deadline }: FastifyRequest, milliseconds: number): void {
  deadline?.set(deadline.left + milliseconds);
}
