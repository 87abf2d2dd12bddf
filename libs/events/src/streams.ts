/** The streams of the log. Each is divided into partitions. */
export const STREAMS = ['scores', 'players'] as const;
export type StreamName = (typeof STREAMS)[number];
