import type { Check } from './report.js';

/** What must hold all the time. */
const RULES = [
  'reads show every acknowledged write',
  'repeated writes take effect once',
  'save versions count on',
  'answers are those of the contract',
  'no process ends by itself',
  'processes end in order when told to',
] as const;
export type Rule = (typeof RULES)[number];

/** Collects, while a run goes on, how often each rule was put to the test, and where it was broken. */
export class Findings {
  private readonly tested = new Map<Rule, number>();
  private readonly broken = new Map<Rule, string[]>();

  /** @param difference nothing when the rule holds */
  add(rule: Rule, difference?: string): void {
    this.tested.set(rule, (this.tested.get(rule) ?? 0) + 1);
    if (difference !== undefined) this.broken.set(rule, [...(this.broken.get(rule) ?? []), difference]);
  }

  get checks(): Check[] {
    return RULES.map(name => ({
      name,
      checked: this.tested.get(name) ?? 0,
      differences: this.broken.get(name) ?? [],
    }));
  }
}
