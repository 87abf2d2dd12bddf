import { BaseRpcContext } from '@nestjs/microservices';
import type { PartitionKeys } from '#libs/event-log';

/** Where a batch comes from. Handlers get it through `@Ctx()`. */
export class StreamContext extends BaseRpcContext<[PartitionKeys, string, string]> {
  /** The keys of the partition that all events of the batch stand in. */
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
