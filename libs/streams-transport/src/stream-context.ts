import { BaseRpcContext } from '@nestjs/microservices';
import type { PartitionKeys } from '#libs/event-log';

/** The partition, consumer group, and consumer of a batch. Handlers receive it through `@Ctx()`. */
export class StreamContext extends BaseRpcContext<[PartitionKeys, string, string]> {
  /** The keys of the partition that the events of the batch come from. */
  get keys(): PartitionKeys {
    return this.args[0];
  }

  get group(): string {
    return this.args[1];
  }

  get consumer(): string {
    return this.args[2];
  }
}
