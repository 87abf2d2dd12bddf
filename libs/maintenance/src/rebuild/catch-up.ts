import type { PartitionKeys } from '#libs/event-log';
import type { EventType, RecordedEvent } from '#libs/events';
import { type Projection, partitionRulesOf, stateKeys } from '#libs/projections';
import { type RedisClient, readWholeHash } from '#libs/redis';
import { type BuildOptions, PartitionBuild } from './partition-build.js';

/** Some events of the log cannot be applied, and are not dead letters. */
export class EventsFailError extends Error {
  readonly code = 'EVENTS_FAIL';
  override readonly name = 'EventsFailError';

  constructor(stream: string, ids: readonly string[]) {
    super(
      `${ids.length} events cannot be applied (in ${stream}: ${ids.slice(0, 5).join(', ')}): they become dead letters soon; retry or drop these first`,
    );
  }
}

/**
 * Builds a generation that is not live up to the end of a partition's log: from the beginning, or from where an earlier run of
 * the same job stopped.
 *
 * @param rules fields of the rules at the end of the log, as far as they are known
 * @param onPage called after each page; throws to stop
 * @throws EventsFailError
 */
export async function catchUp<State, T extends EventType, Rules>(
  redis: RedisClient,
  projection: Projection<State, T, Rules>,
  keys: PartitionKeys,
  options: BuildOptions,
  rules: Readonly<Record<string, string | undefined>>,
  onPage: () => Promise<void>,
): Promise<void> {
  const source = { keys, group: projection.name };
  const begin = (known: typeof rules, anew: boolean) =>
    PartitionBuild.begin(redis, projection, source, options, known, anew);
  let build = await begin(rules, false);
  // Newer events may have become dead letters since the build began.
  const skipped = Object.keys(await readWholeHash(redis, keys.skipped(projection.name)));
  if (skipped.length !== build.skipped.length) build = await begin(rules, true);
  await build.readTo(undefined, onPage);
  while (!build.isTrue) {
    build = await begin(await readWholeHash(redis, build.state.rules()), true);
    await build.readTo(undefined, onPage);
  }
  if (build.failed.length > 0) throw new EventsFailError(keys.stream, build.failed);
}

/** Folds events that change only rules, in order. */
export function rulesOf<State, T extends EventType, Rules>(
  projection: Projection<State, T, Rules>,
  events: readonly RecordedEvent<T>[],
  keys: PartitionKeys,
): Record<string, string | undefined> {
  const partitionRules = partitionRulesOf(projection);
  const rules = partitionRules.parseForReplay({}, {});
  const fields: Record<string, string | undefined> = {};
  for (const event of events) {
    try {
      const ruling = partitionRules.changeFor(rules, event, [], stateKeys(keys, 1));
      if (!ruling) continue;
      partitionRules.apply(rules, ruling);
      Object.assign(fields, ruling.fields);
    } catch {
      // An event that cannot be applied has no effect.
    }
  }
  return fields;
}
