import { Redis, type RedisOptions } from 'ioredis';

/**
 * A connection to the server that Sentinels choose, until it is closed here.
 *
 * Word of a switch closes whatever connection there is. When the dead server's has closed before, that is the one in the
 * making, and ioredis takes this for the end of all: the client would answer "Connection is closed." for ever.
 */
export class SentinelClient extends Redis {
  private isWanted = true;

  constructor(options: Omit<RedisOptions, 'replyMapping'>) {
    super(options);
    this.on('end', () => {
      if (this.isWanted) this.connect().catch(() => {});
    });
  }

  override disconnect(reconnect = false): void {
    this.isWanted = reconnect;
    super.disconnect(reconnect);
  }
}
