import { type EventRef, formatEventRef, parseEventRef } from '#libs/event-log';
import type { StreamName } from '#libs/events';

/** Locates a dead letter: the consumer group, the partition, and the id of its entry in the dead-letter stream. */
export interface DeadLetterRef {
  readonly group: string;
  readonly stream: StreamName;
  readonly partition: number;
  /** `<ms>-<seq>` */
  readonly entryId: EventRef['id'];
}

/** An error message shows at most this much of an invalid id. */
const MAX_SHOWN_CHARACTERS = 60;

/** The text does not have the form of a dead letter id. */
export class InvalidDeadLetterIdError extends Error {
  readonly code = 'INVALID_DEAD_LETTER_ID';
  override readonly name = 'InvalidDeadLetterIdError';

  constructor(text: string) {
    super(
      `id must be the id of a dead letter, as in the list of dead letters; it is ${JSON.stringify(text.slice(0, MAX_SHOWN_CHARACTERS))}`,
    );
  }
}

/** `ranking-projector.s3-1795236316157-0` */
export function formatDeadLetterId({ group, stream, partition, entryId }: DeadLetterRef): string {
  return `${group}.${formatEventRef({ stream, partition, id: entryId })}`;
}

/** @throws InvalidDeadLetterIdError */
export function parseDeadLetterId(text: string): DeadLetterRef {
  const dot = text.lastIndexOf('.');
  const ref = tryParse(text.slice(dot + 1));
  if (dot < 1 || !ref || ref.partition === 'all') throw new InvalidDeadLetterIdError(text);
  return { group: text.slice(0, dot), stream: ref.stream, partition: ref.partition, entryId: ref.id };
}

function tryParse(ref: string): EventRef | undefined {
  try {
    return parseEventRef(ref);
  } catch {
    return undefined;
  }
}
