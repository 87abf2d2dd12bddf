/** A call that is running, and the one that starts when it ends. */
interface Question<Answer> {
  readonly now: Promise<Answer>;
  next?: Promise<Answer>;
}

/**
 * Lets concurrent callers with the same key share one call. A result is never older than the request for it: whoever comes
 * while a call is running shares the next one.
 */
export class SingleFlight<Answer> {
  private readonly questions = new Map<string, Question<Answer>>();

  ask(question: string, find: () => Promise<Answer>): Promise<Answer> {
    const asked = this.questions.get(question);
    if (!asked) return this.begin(question, find);
    asked.next ??= asked.now.then(
      () => this.begin(question, find),
      () => this.begin(question, find),
    );
    return asked.next;
  }

  private begin(question: string, find: () => Promise<Answer>): Promise<Answer> {
    const asked: Question<Answer> = { now: find() };
    this.questions.set(question, asked);
    const end = () => {
      if (!asked.next) this.questions.delete(question);
    };
    asked.now.then(end, end);
    return asked.now;
  }
}
