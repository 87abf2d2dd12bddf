import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Milliseconds that a request may take besides what it was asked to wait; then Redis counts as away. */
const DEADLINE_MS = 1_700;

/** The end of a request's time, which can be put off. */
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

/** Answers a request whose time is over. */
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
 * Sees to it that requests whose time has begun are answered when it is over. What comes of them later is dropped.
 *
 * The time is for the beginning of the answer: one that has begun cannot be replaced, and how fast it must be read is for
 * the limits of the connection to say.
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
 * Begins a request's time, which guards do as soon as all of the body is there: one time for all that it asks of Redis,
 * since commands that wait for others to be given up would add up.
 */
export function beginTime(request: FastifyRequest, reply: FastifyReply): void {
  request.deadline = new Deadline(() => {
    if (!hasAnswer(reply)) request.server.answerLate(request, reply);
  });
}

/** Whether an answer has begun, or nobody is there for one. */
const hasAnswer = ({ sent, raw }: FastifyReply) => sent || raw.headersSent || raw.destroyed;

/** What is left of a request's time, in milliseconds. */
export const timeLeft = ({ deadline }: FastifyRequest): number => deadline?.left ?? DEADLINE_MS;

/** Gives a request more time. @param milliseconds `Infinity` for what takes as long as it takes */
export function addTime({ deadline }: FastifyRequest, milliseconds: number): void {
  deadline?.set(deadline.left + milliseconds);
}
