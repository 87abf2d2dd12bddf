/** What is being found out, and what will be when that is done. */
interface Question<Answer> {
  readonly now: Promise<Answer>;
  next?: Promise<Answer>;
}

/**
 * Lets all who ask the same at about the same time have one answer. It is never older than the question: who asks
 * while an answer is under way shares the next one with others who do.
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
