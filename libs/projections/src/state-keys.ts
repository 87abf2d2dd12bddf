import type { PartitionKeys } from '#libs/event-log';

/** How a generation keeps what players are found by: in sorted sets, or as JSON values that Redis Search indexes. */
export type DocumentStoreName = 'plain' | 'json';

/** What the field says that names it; nothing for a generation that is older than the field. */
export const documentStoreName = (field: string | null | undefined): DocumentStoreName =>
  field === 'json' ? 'json' : 'plain';

/** Keys of projected state in one generation. No id can hold an `@`: the generation is unmistakable. */
export class StateKeys {
  /** Names the partition: `p0`. */
  readonly partition: string;
  private readonly prefixes = new Map<string, string>();

  constructor(
    private readonly keys: PartitionKeys,
    readonly generation: number,
    readonly documents: DocumentStoreName = 'plain',
  ) {
    this.partition = /\{(\w+)\}$/.exec(keys.base)?.[1] ?? '';
  }

  /** The prefix of all keys of one kind; itself a key where the kind has only one. */
  prefix(kind: string): string {
    let prefix = this.prefixes.get(kind);
    if (prefix === undefined) {
      prefix = this.keys.key(`${kind}@${this.generation}`);
      this.prefixes.set(kind, prefix);
    }
    return prefix;
  }

  /** A key of one kind; each library names its own. @param id from outside, perhaps with colons: it stands last */
  key(kind: string, id?: string): string {
    return id === undefined ? this.prefix(kind) : `${this.prefix(kind)}:${id}`;
  }

  /**
   * hash: `b:<board>` -> its definition, `q:<board>` -> its periods with scores, `p:<player>` -> whether banned,
   * `r:<board>/<player>` -> number of revocations
   */
  rules(): string {
    return this.prefix('rules');
  }
}

/** The keys of projected state, in one of its generations. */
export const stateKeys = (keys: PartitionKeys, generation: number, documents: DocumentStoreName = 'plain') =>
  new StateKeys(keys, generation, documents);
