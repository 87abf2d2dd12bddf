import type { PartitionKeys } from '#libs/event-log';

/** hash: the progress of the generation that is being built for a group */
export const buildKey = (keys: PartitionKeys, group: string) => keys.key('build', group);
