import type { PartitionKeys } from '#libs/event-log';

/** Sorted set: the workers of a group that read the partition, by the time of their last heartbeat (ms since 1970). Expires. */
export const workersKey = (keys: PartitionKeys, group: string) => keys.key('workers', group);
