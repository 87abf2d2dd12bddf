/** Loads the code that reads and writes segments. Its packages take time and memory that a process without an archive saves. */
export const loadSegments = () => import('./segments.js');
