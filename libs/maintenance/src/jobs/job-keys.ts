/** hash: a job of a projection, and its progress */
export const jobKey = (prefix: string, id: string) => `${prefix}:job:${id}`;

/** string: the id of the active job of a projection; there is one at a time */
export const activeJobKey = (prefix: string, group: string) => `${prefix}:active-job:${group}`;

/** string: the process that works on the active job */
export const jobLeaseKey = (prefix: string, group: string) => `${prefix}:job-lease:${group}`;

/** string: which process deletes the events of erased players */
export const eraserLeaseKey = (prefix: string) => `${prefix}:eraser-lease`;

/** string: the number of processes that have become the eraser; each one's number is its epoch */
export const eraserEpochKey = (prefix: string) => `${prefix}:eraser-epoch`;
