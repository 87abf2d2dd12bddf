import type { PartitionKeys } from '#libs/event-log';

/** sorted set: workers of a group that read the partition, by their last heartbeat (ms since 1970); gone when all are silent */
export const workersKey = (keys: PartitionKeys, group: string) => keys.key('workers', group);
