import { type EventRef, formatEventRef, parseEventRef } from '#libs/event-log';
import type { StreamName } from '#libs/events';

/** Where a dead letter stands: the group, the partition, and its own id among the group's dead letters there. */
export interface DeadLetterPlace {
  readonly group: string;
  readonly stream: StreamName;
  readonly partition: number;
  /** `<ms>-<seq>` */
  readonly letter: EventRef['id'];
}

/** Characters of a wrong id that a message shows. */
const SHOWN = 60;

/** A text that names no dead letter, whichever there are. */
export class InvalidDeadLetterIdError extends Error {
  readonly code = 'INVALID_DEAD_LETTER_ID';
  override readonly name = 'InvalidDeadLetterIdError';

  constructor(text: string) {
    super(
      `id must be that of a dead letter, as the list has it; it is ${JSON.stringify(text.slice(0, SHOWN))}`,
    );
  }
}

/** `ranking-projector.s3-1795236316157-0` */
export function formatDeadLetterId({ group, stream, partition, letter }: DeadLetterPlace): string {
  return `${group}.${formatEventRef({ stream, partition, id: letter })}`;
}

/** @throws InvalidDeadLetterIdError */
export function parseDeadLetterId(text: string): DeadLetterPlace {
  const dot = text.lastIndexOf('.');
  const ref = tryParse(text.slice(dot + 1));
  if (dot < 1 || !ref || ref.partition === 'all') throw new InvalidDeadLetterIdError(text);
  return { group: text.slice(0, dot), stream: ref.stream, partition: ref.partition, letter: ref.id };
}

function tryParse(ref: string): EventRef | undefined {
  try {
    return parseEventRef(ref);
  } catch {
    return undefined;
  }
}
