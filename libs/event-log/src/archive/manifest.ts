import { isOlderId, type StreamName } from '#libs/events';
import { ObjectDamagedError } from './errors.js';
import { hashOf } from './hash.js';
import { checkVersion, FORMAT_VERSION, type SegmentInfo } from './segment-format.js';
import type { ArchiveStore } from './store.js';

/** The segments of a partition at one moment. It never changes: a new list is a new manifest. */
export interface Manifest {
  readonly version: string;
  readonly stream: StreamName;
  readonly partition: number;
  /** Sums over all segments. */
  readonly events: number;
  readonly bytes: number;
  /** In the order of their ids, which do not overlap. */
  readonly segments: readonly SegmentInfo[];
}

/** An object that is ready to be stored in the folder of its partition. */
export interface StoredManifest {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Written as JSON: a manifest of 10,000 segments has two megabytes, and an operator can read it without a tool. */
export function writeManifest(
  stream: StreamName,
  partition: number,
  segments: readonly SegmentInfo[],
): StoredManifest {
  for (const [i, { first }] of segments.entries()) {
    const before = segments[i - 1]?.last;
    if (before !== undefined && !isOlderId(before, first))
      throw new RangeError(
        `the segment from ${first} on is not after ${before}: list segments in their order`,
      );
  }
  const sum = (key: 'events' | 'bytes') => segments.reduce((total, segment) => total + segment[key], 0);
  const manifest: Manifest = {
    version: FORMAT_VERSION,
    stream,
    partition,
    events: sum('events'),
    bytes: sum('bytes'),
    segments,
  };
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
  const span = `${segments[0]?.first ?? '0-0'}_${segments.at(-1)?.last ?? '0-0'}`;
  return { name: `${span}-${hashOf(bytes)}.json`, bytes };
}

/** @throws ObjectMissingError, ObjectDamagedError, ArchiveVersionError */
export async function readManifest(store: ArchiveStore, object: string): Promise<Manifest> {
  const bytes = await store.get(object);
  if (!object.endsWith(`-${hashOf(bytes)}.json`))
    throw new ObjectDamagedError(store.url, object, 'its hash is not the one in its name');
  const manifest: Manifest = JSON.parse(bytes.toString());
  checkVersion(object, manifest.version);
  return manifest;
}

/** The folder of a manifest and its segments, with a slash at its end. */
export function folderOf(manifest: string): string {
  return manifest.slice(0, manifest.lastIndexOf('/') + 1);
}
