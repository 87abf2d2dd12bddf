import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import {
  ObjectMissingError,
  StoreAccessError,
  StoreChecksumError,
  StoreClockError,
  StoreFailedError,
  StoreFullError,
  StoreMissingError,
  StoreUnreachableError,
  StoreUrlError,
} from './errors.js';
import type { ArchiveStore, ByteRange, StoredObject } from './store.js';

const CONNECTION_TIMEOUT_MS = 5_000;
/** How long a request may take until its answer begins, and how long nothing may arrive after that. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Between attempts, the SDK waits longer and longer, up to 20 seconds. */
const MAX_ATTEMPTS = 5;
const FIRST_DELAY_MS = 100;

const PARAMETERS = ['endpoint', 'region', 'pathStyle'];

export interface S3Timeouts {
  readonly connectionMs: number;
  readonly requestMs: number;
  readonly attempts: number;
}

/**
 * Keeps objects in a bucket of Amazon S3 or of a server with the same API. Credentials come from the usual places: environment,
 * shared files, web identity, the roles of containers and machines.
 */
export class S3Store implements ArchiveStore {
  private constructor(
    readonly url: string,
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly prefix: string,
    private readonly attempts: number,
  ) {}

  /**
   * @param url `s3://bucket[/prefix][?endpoint=…&region=…&pathStyle=true]`. What is missing comes from the usual AWS settings.
   * @throws StoreUrlError
   */
  static open(url: URL, timeouts: Partial<S3Timeouts> = {}): S3Store {
    const unknown = [...url.searchParams.keys()].find(name => !PARAMETERS.includes(name));
    if (unknown !== undefined)
      throw new StoreUrlError(
        `ARCHIVE_URL has the parameter "${unknown}", expected ${PARAMETERS.join(', ')}`,
      );
    if (!url.hostname) throw new StoreUrlError('ARCHIVE_URL names no bucket, expected s3://bucket/prefix');
    const endpoint = url.searchParams.get('endpoint');
    const region = url.searchParams.get('region');
    const {
      connectionMs = CONNECTION_TIMEOUT_MS,
      requestMs = REQUEST_TIMEOUT_MS,
      attempts = MAX_ATTEMPTS,
    } = timeouts;
    const client = new S3Client({
      ...(endpoint !== null && { endpoint }),
      ...(region !== null && { region }),
      forcePathStyle: url.searchParams.get('pathStyle') === 'true',
      maxAttempts: attempts,
      requestHandler: {
        connectionTimeout: connectionMs,
        requestTimeout: requestMs,
        socketTimeout: requestMs,
        throwOnRequestTimeout: true,
      },
    });
    const prefix = url.pathname
      .split('/')
      .filter(part => part !== '')
      .map(part => `${decodeURIComponent(part)}/`)
      .join('');
    return new S3Store(url.href, client, url.hostname, prefix, attempts);
  }

  async put(name: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const input = {
      ...this.object(name),
      Body: bytes,
      IfNoneMatch: '*',
      ChecksumAlgorithm: 'SHA256' as const,
    };
    try {
      await this.run('write', name, () => this.client.send(new PutObjectCommand(input)));
      return 'created';
    } catch (error) {
      if (error instanceof ObjectExists) return 'exists';
      throw error;
    }
  }

  async get(name: string, range?: ByteRange): Promise<Buffer> {
    const Range = range && `bytes=${range.offset}-${range.offset + range.length - 1}`;
    return this.run('read', name, async () => {
      const { Body } = await this.client.send(new GetObjectCommand({ ...this.object(name), Range }));
      try {
        return Buffer.from((await Body?.transformToByteArray()) ?? []);
      } catch (error) {
        throw new BrokenAnswerError((error as Error).message);
      }
    });
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void> {
    const input = { Bucket: this.bucket, Prefix: `${this.prefix}${prefix}` };
    const pages = paginateListObjectsV2({ client: this.client }, input);
    for (;;) {
      const { value, done } = await this.run('list', prefix, () => pages.next());
      if (done) return;
      for (const { Key = '', Size = 0, LastModified } of value.Contents ?? [])
        yield { name: Key.slice(this.prefix.length), bytes: Size, writtenAt: LastModified?.getTime() ?? 0 };
    }
  }

  async delete(name: string): Promise<void> {
    await this.run('delete', name, () => this.client.send(new DeleteObjectCommand(this.object(name))));
  }

  close(): void {
    this.client.destroy();
  }

  private object(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: `${this.prefix}${name}` };
  }

  /** The SDK repeats requests, but not a write that met another one of the same name, and not an answer that breaks off. */
  private async run<T>(operation: string, name: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const isRepeatable =
          error instanceof BrokenAnswerError || (error as Error).name === 'ConditionalRequestConflict';
        if (!isRepeatable || attempt >= this.attempts)
          throw this.typed(error as S3ServiceException, operation, name);
        await delay(Math.random() * FIRST_DELAY_MS * 2 ** attempt);
      }
    }
  }

  private typed(error: S3ServiceException, operation: string, name: string): Error {
    const { url } = this;
    const reason = error.name === error.message ? error.name : `${error.name}: ${error.message}`;
    if (error instanceof BrokenAnswerError)
      return error.message.startsWith('Checksum mismatch')
        ? new StoreChecksumError(url, error.message)
        : new StoreUnreachableError(url, error.message);
    const kind = kindOf(error);
    if (kind === 'exists') return new ObjectExists();
    if (kind === 'missing') return new ObjectMissingError(url, name);
    if (kind === 'no bucket') return new StoreMissingError(url, reason);
    if (kind === 'clock') return new StoreClockError(url);
    if (kind === 'checksum') return new StoreChecksumError(url, reason);
    if (kind === 'full') return new StoreFullError(url, reason);
    const status = error.$metadata?.httpStatusCode;
    if (kind === 'access' || status === 401 || status === 403)
      return new StoreAccessError(url, operation, reason);
    if (kind === 'unreachable' || (status !== undefined && (status >= 500 || status === 429)))
      return new StoreUnreachableError(url, reason);
    return new StoreFailedError(url, operation, reason);
  }
}

/** Only for `put`. */
class ObjectExists extends Error {}

/** The answer ended early or is not what its checksum says. */
class BrokenAnswerError extends Error {
  override readonly name = 'BrokenAnswerError';
}

type Kind = 'exists' | 'missing' | 'no bucket' | 'clock' | 'checksum' | 'full' | 'access' | 'unreachable';

function kindOf({ name, code, message }: NodeJS.ErrnoException): Kind | undefined {
  // The SDK may wrap an error of Node in one that has its code only in the message.
  const words = [name, code ?? '', ...message.split(/\W+/)];
  return words.map(word => KINDS[word]).find(kind => kind !== undefined);
}

/** Codes of S3, of servers with its API, of the SDK, and of Node. */
const KINDS: Readonly<Record<string, Kind | undefined>> = {
  PreconditionFailed: 'exists',
  NoSuchKey: 'missing',
  NotFound: 'missing',
  NoSuchBucket: 'no bucket',
  RequestTimeTooSkewed: 'clock',
  RequestExpired: 'clock',
  BadDigest: 'checksum',
  InvalidDigest: 'checksum',
  XAmzContentSHA256Mismatch: 'checksum',
  XAmzContentChecksumMismatch: 'checksum',
  QuotaExceeded: 'full',
  InsufficientStorage: 'full',
  CredentialsProviderError: 'access',
  ExpiredToken: 'access',
  InvalidAccessKeyId: 'access',
  SignatureDoesNotMatch: 'access',
  AccessDenied: 'access',
  TimeoutError: 'unreachable',
  ECONNREFUSED: 'unreachable',
  ECONNRESET: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EPIPE: 'unreachable',
  ETIMEDOUT: 'unreachable',
};
