import { randomBytes } from 'node:crypto';

const IMAGE = 'versity/versitygw:v1.8.0';
const PORT = 7070;

/** A server with the API of S3. */
export class S3Server {
  private constructor(
    readonly endpoint: string,
    readonly stop: () => Promise<unknown>,
  ) {}

  /**
   * The server at `S3_TEST_ENDPOINT`, with the credentials of the usual AWS settings; else a container, whose credentials become those
   * of this process. `TEST_REDIS_IMAGE=none` says that there shall be no containers.
   *
   * @param test what is skipped without a server; it then says so
   */
  static async start(test: string): Promise<S3Server | undefined> {
    const given = process.env.S3_TEST_ENDPOINT;
    if (given) return new S3Server(given, async () => {});
    try {
      if (process.env.TEST_REDIS_IMAGE === 'none') throw new Error('TEST_REDIS_IMAGE is none');
      return await S3Server.startContainer();
    } catch (error) {
      console.warn(
        `skipped, as there is no S3 server (no S3_TEST_ENDPOINT, no container of ${IMAGE}: ${(error as Error).message}): "${test}"`,
      );
      return undefined;
    }
  }

  private static async startContainer(): Promise<S3Server> {
    const { GenericContainer, Wait } = await import('testcontainers');
    const secret = randomBytes(16).toString('hex');
    const container = await new GenericContainer(IMAGE)
      .withEnvironment({ ROOT_ACCESS_KEY: 'questlog', ROOT_SECRET_KEY: secret })
      .withCommand(['--port', `:${PORT}`, 'posix', '--sidecar', '/meta', '/data'])
      .withExposedPorts(PORT)
      // The image has no shell to look for the port with.
      .withWaitStrategy(Wait.forLogMessage('listening on'))
      .start();
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: 'questlog',
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_REGION: 'us-east-1',
    });
    return new S3Server(`http://${container.getHost()}:${container.getMappedPort(PORT)}`, () =>
      container.stop(),
    );
  }

  /** For servers that do not check any: sets credentials unless there are some. */
  static useCredentials(): void {
    process.env.AWS_ACCESS_KEY_ID ??= 'questlog';
    process.env.AWS_SECRET_ACCESS_KEY ??= 'secret';
  }

  /** @returns the URL of a new bucket, as `ARCHIVE_URL` names it */
  async createBucket(): Promise<string> {
    const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
    const client = new S3Client({ endpoint: this.endpoint, forcePathStyle: true });
    const bucket = `questlog-${randomBytes(6).toString('hex')}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
    return this.url(bucket);
  }

  url(bucket: string): string {
    return `s3://${bucket}/archive?endpoint=${this.endpoint}&pathStyle=true`;
  }

  /** Runs something with a wrong secret in the usual AWS settings. */
  async withSecret<T>(secret: string, work: () => Promise<T>): Promise<T> {
    const right = process.env.AWS_SECRET_ACCESS_KEY;
    process.env.AWS_SECRET_ACCESS_KEY = secret;
    try {
      return await work();
    } finally {
      process.env.AWS_SECRET_ACCESS_KEY = right;
    }
  }
}
