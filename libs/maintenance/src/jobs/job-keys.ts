/** hash: what is to be done to a projection, and how far it is */
export const jobKey = (prefix: string, id: string) => `${prefix}:job:${id}`;

/** string: the id of the job that a projection has; there is one at a time */
export const activeJobKey = (prefix: string, group: string) => `${prefix}:active-job:${group}`;

/** string: which process works on that job */
export const jobLeaseKey = (prefix: string, group: string) => `${prefix}:job-lease:${group}`;

/** string: which process deletes the events of erased players */
export const eraserLeaseKey = (prefix: string) => `${prefix}:eraser-lease`;

/** string: how many processes have begun to do that: each has a greater number than those before */
export const eraserEpochKey = (prefix: string) => `${prefix}:eraser-epoch`;
