import type { StreamName } from '#libs/events';
import { ArchiveVersionError } from './errors.js';

/**
 * The version of segments and manifests, as `<major>.<minor>`. A new optional column or field increments the minor version, and
 * readers ignore what they do not know. Any other change increments the major version, and older readers refuse the object.
 */
export const FORMAT_VERSION = '1.0';

/** @throws ArchiveVersionError */
export function checkVersion(object: string, version: unknown): void {
  if (Number.parseInt(String(version), 10) !== Number.parseInt(FORMAT_VERSION, 10))
    throw new ArchiveVersionError(object, `version ${version}`);
}

/** The key of the `SegmentIndex` in the Parquet metadata. */
export const INDEX_KEY = 'questlog';

/** Consecutive stream entries. Ids are as in the log. */
interface Span {
  readonly first: string;
  readonly last: string;
  readonly events: number;
  /** How many of them are no events of the stream. They have nothing but `raw`, so no Bloom filter knows whom they mention. */
  readonly undecodable: number;
  readonly bytes: number;
}

/** A row group. */
export interface GroupInfo extends Span {
  /** Where it begins in the file. */
  readonly offset: number;
  readonly hash: string;
}

/** What a segment says about itself, as JSON in its Parquet metadata. */
export interface SegmentIndex {
  readonly version: string;
  readonly stream: StreamName;
  readonly partition: number;
  readonly groups: readonly GroupInfo[];
}

/** A segment as its manifest lists it. */
export interface SegmentInfo extends Span {
  readonly hash: string;
  /** The end of the file, which holds the Bloom filters and the metadata. Its hash covers the hashes of all row groups. */
  readonly tailBytes: number;
  readonly tailHash: string;
}

export function segmentName({ first, last, hash }: Pick<SegmentInfo, 'first' | 'last' | 'hash'>): string {
  return `${first}_${last}-${hash}.parquet`;
}
