import type { PartitionKeys } from '#libs/event-log';

/** How a generation stores the names that players are found by: in sorted sets, or as JSON values that Redis Search indexes. */
export type DocumentStoreName = 'plain' | 'json';

/** @param field `documents` of the live hash; older generations do not have it */
export const documentStoreName = (field: string | null | undefined): DocumentStoreName =>
  field === 'json' ? 'json' : 'plain';

/** The keys of projected state in one generation. `@` separates the generation: no id can contain it. */
export class StateKeys {
  /** The name of the partition, such as `p0`. */
  readonly partition: string;
  private readonly prefixes = new Map<string, string>();

  constructor(
    private readonly keys: PartitionKeys,
    readonly generation: number,
    readonly documents: DocumentStoreName = 'plain',
  ) {
    this.partition = /\{(\w+)\}$/.exec(keys.base)?.[1] ?? '';
  }

  /** The prefix of all keys of one kind. If the kind has only one key, this is it. */
  prefix(kind: string): string {
    let prefix = this.prefixes.get(kind);
    if (prefix === undefined) {
      prefix = this.keys.key(`${kind}@${this.generation}`);
      this.prefixes.set(kind, prefix);
    }
    return prefix;
  }

  /** @param id comes from clients and can contain colons, so it stands last */
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

export const stateKeys = (keys: PartitionKeys, generation: number, documents: DocumentStoreName = 'plain') =>
  new StateKeys(keys, generation, documents);
