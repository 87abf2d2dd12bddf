// The code that needs the Parquet packages. `loadSegments` loads it only where an archive is used.
export { SegmentArchive } from './segment-archive.js';
export { SegmentReader } from './segment-reader.js';
export { SegmentWriter } from './segment-writer.js';
