import { setTimeout as delay } from 'node:timers/promises';
import type { Findings } from './findings.js';

/** Milliseconds after which a client gives up on a gateway that says nothing. */
const PATIENCE = 3_000;
/** Milliseconds between two attempts. */
const PAUSE = 50;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which of the gateways is asked first. */
  readonly first?: number;
  /** Seconds that the answer may wait for the projections. */
  readonly wait?: number;
}

/** A write had no definite answer in all the time there was. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** The gateways as a careful client uses them. */
export class Gateways {
  readonly traffic = {
    requests: 0,
    'attempts repeated': 0,
    'answers 503': 0,
    'connections lost or timed out': 0,
    /** The event was in the log already: an earlier attempt had appended it and could not say so. */
    'repeats that found their event': 0,
  };
  /** When writes that have no answer are given up. Milliseconds since 1970; at first never. */
  deadline = Number.POSITIVE_INFINITY;

  constructor(
    private readonly urls: readonly string[],
    private readonly findings: Findings,
  ) {}

  /**
   * Sends a write until there is a definite answer, to either gateway, under the same idempotency key.
   *
   * @throws NoAnswerError
   */
  async write(request: Request, expected: readonly number[]): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      // Twice to the same gateway, then twice to the other.
      const answer = await this.send(request, (request.first ?? 0) + Math.floor(attempt / 2));
      if (answer && answer.status < 500) {
        if (attempt > 0 && answer.headers.get('idempotency-replayed') === 'true')
          this.traffic['repeats that found their event'] += 1;
        this.judge(request, answer, expected);
        return answer;
      }
      if (answer && answer.status !== 503) this.judge(request, answer, expected);
      if (Date.now() > this.deadline) throw new NoAnswerError(`${request.method} ${request.path}`);
      this.traffic['attempts repeated'] += 1;
      await delay(PAUSE);
    }
  }

  /** Reads once. @returns nothing when the gateway is not there or could not answer (503) */
  async read(request: Omit<Request, 'method'>, expected: readonly number[]): Promise<Answer | undefined> {
    return this.ask({ method: 'GET', ...request }, expected);
  }

  /** Sends once. @returns nothing when the gateway is not there or could not answer (503) */
  async ask(request: Request, expected: readonly number[]): Promise<Answer | undefined> {
    const answer = await this.send(request, request.first ?? 0);
    if (!answer || answer.status === 503) return undefined;
    this.judge(request, answer, expected);
    return answer;
  }

  /** @param to any number: it is taken modulo the number of gateways */
  private async send(request: Request, to: number): Promise<Answer | undefined> {
    const { method, path, body, headers, wait = 0 } = request;
    this.traffic.requests += 1;
    try {
      const response = await fetch(`${this.urls[to % this.urls.length]}${path}`, {
        method,
        headers: {
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...(wait > 0 && { Prefer: `wait=${wait}` }),
          ...headers,
        },
        signal: AbortSignal.timeout(PATIENCE + 1_000 * wait),
        ...(body !== undefined && { body }),
      });
      const text = await response.text();
      if (response.status === 503) this.traffic['answers 503'] += 1;
      return { status: response.status, headers: response.headers, text };
    } catch {
      this.traffic['connections lost or timed out'] += 1;
      return undefined;
    }
  }

  private judge({ method, path }: Request, { status, text }: Answer, expected: readonly number[]): void {
    const wrong = expected.includes(status)
      ? undefined
      : `${method} ${path}: ${status} ${text.slice(0, 300)}`;
    this.findings.add('answers are those of the contract', wrong);
  }
}

export const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
