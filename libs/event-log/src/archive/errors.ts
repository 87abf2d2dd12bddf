// Errors of the archive. Every message names the store or object. URLs in messages have no credentials.

/** ARCHIVE_URL is not a URL of a store. */
export class StoreUrlError extends Error {
  readonly code = 'STORE_URL';
  override readonly name = 'StoreUrlError';
}

/** The store does not answer, or not in time. */
export class StoreUnreachableError extends Error {
  readonly code = 'STORE_UNREACHABLE';
  override readonly name = 'StoreUnreachableError';
  readonly isTemporary = true;

  constructor(url: string, reason: string) {
    super(`${url} does not answer (${reason}): check the address, the network, and that the store runs`);
  }
}

/** The bucket, or the folder that should contain the archive, does not exist. */
export class StoreMissingError extends Error {
  readonly code = 'STORE_MISSING';
  override readonly name = 'StoreMissingError';

  constructor(url: string, reason: string) {
    super(`${url} does not exist (${reason}): create it, or correct ARCHIVE_URL`);
  }
}

/** The credentials are wrong or missing, they do not permit the operation, or the folder is read-only. */
export class StoreAccessError extends Error {
  readonly code = 'STORE_ACCESS';
  override readonly name = 'StoreAccessError';

  constructor(
    url: string,
    readonly operation: string,
    reason: string,
  ) {
    super(
      `${url} refuses to ${operation} (${reason}): the archive needs rights to read, write, list, and delete`,
    );
  }
}

/** The clocks of this machine and the store differ by so much that the store refuses signatures. */
export class StoreClockError extends Error {
  readonly code = 'STORE_CLOCK';
  override readonly name = 'StoreClockError';

  constructor(url: string) {
    super(`${url} refuses requests because its clock and this machine's differ: synchronize both clocks`);
  }
}

/** The store refused the checksum of an object, or returned other bytes than were written. */
export class StoreChecksumError extends Error {
  readonly code = 'STORE_CHECKSUM';
  override readonly name = 'StoreChecksumError';

  constructor(url: string, reason: string) {
    super(
      `${url} failed a checksum (${reason}): the connection or the store damages data, or the store lacks checksums`,
    );
  }
}

/** The disk or the quota of the store is full. */
export class StoreFullError extends Error {
  readonly code = 'STORE_FULL';
  override readonly name = 'StoreFullError';

  constructor(url: string, reason: string) {
    super(`${url} is full (${reason}): free or add space`);
  }
}

/** The store answered with an error that has no class of its own. */
export class StoreFailedError extends Error {
  readonly code = 'STORE_FAILED';
  override readonly name = 'StoreFailedError';

  constructor(url: string, operation: string, reason: string) {
    super(`${url} failed to ${operation}: ${reason}`);
  }
}

/** An object of the archive does not exist. */
export class ObjectMissingError extends Error {
  readonly code = 'OBJECT_MISSING';
  override readonly name = 'ObjectMissingError';

  constructor(
    url: string,
    readonly object: string,
  ) {
    super(`${url} has no object "${object}"`);
  }
}

/** An object of the archive is not as it was written. */
export class ObjectDamagedError extends Error {
  readonly code = 'OBJECT_DAMAGED';
  override readonly name = 'ObjectDamagedError';

  constructor(
    url: string,
    readonly object: string,
    reason: string,
  ) {
    super(`object "${object}" in ${url} is damaged (${reason}): restore it from a backup`);
  }
}

/** An object of the archive was written by a newer Questlog, in a format that this one cannot read. */
export class ArchiveVersionError extends Error {
  readonly code = 'ARCHIVE_VERSION';
  override readonly name = 'ArchiveVersionError';

  constructor(
    readonly object: string,
    /** Such as `version 2.0`. */
    found: string,
  ) {
    super(`object "${object}" has ${found}, which a newer Questlog wrote: upgrade this one`);
  }
}

/** A stream entry that no segment can hold. */
export class UnarchivableEntryError extends Error {
  readonly code = 'UNARCHIVABLE_ENTRY';
  override readonly name = 'UnarchivableEntryError';

  constructor(
    readonly id: string,
    reason: string,
  ) {
    super(`the stream entry ${id} cannot be archived: ${reason}`);
  }
}
