import type { Answer, Client } from '../e2e/support/client.js';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
}

/** What a run did and was answered, for the one who wants to do it again by hand. */
export class Transcript {
  private readonly lines: string[] = [];

  note(line: string): void {
    this.lines.push(line);
  }

  /** A write: it is noted. */
  async write(client: Client, call: Call): Promise<Answer> {
    const answer = await this.send(client, call);
    this.note(`${show(call)}\n    ${answer.status} ${answer.text}`);
    return answer;
  }

  /** A read: it is noted when it is not what it should be. `expected` may throw. */
  async read(client: Client, call: Call, expected: (answer: Answer) => void): Promise<Answer> {
    const answer = await this.send(client, call);
    try {
      expected(answer);
    } catch (error) {
      this.note(`${show(call)}\n    ${answer.status} ${answer.text}`);
      throw error;
    }
    return answer;
  }

  toString(): string {
    return this.lines.join('\n');
  }

  private send(client: Client, { method, path, body, headers }: Call): Promise<Answer> {
    return client.send(method, path, body && json(body), headers);
  }
}

const show = ({ method, path, body, headers }: Call) =>
  [method, path, ...(body ? [json(body)] : []), ...(headers ? [JSON.stringify(headers)] : [])].join(' ');

/** With -0, which JSON has and `JSON.stringify` has not. */
function json(value: object): string {
  const text = JSON.stringify(value, (_, part) => (Object.is(part, -0) ? '<-0>' : part));
  return text.replaceAll('"<-0>"', '-0');
}
