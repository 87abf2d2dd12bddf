import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { DeadLetters } from '#libs/streams-transport';
import { AdminOnly } from '../auth/access.guard.js';
import { ApiProblems, ApiRead } from '../http/api-docs.js';
import { queryPipe } from '../http/validation/validation.js';
import { DeadLettersPage, DeadLettersQuery, DroppedView, RetryingView } from './dead-letters.dto.js';

@ApiTags('operators')
@AdminOnly()
@Controller({ path: 'admin/dead-letters', version: '1' })
export class DeadLettersController {
  constructor(private readonly deadLetters: DeadLetters) {}

  @Get()
  @ApiOperation({
    summary: 'Events that failed every delivery, newest first',
    description: 'A page ends after 4 MiB, too: dead letters of saves are large.',
  })
  @ApiRead()
  @ApiProblems(401, 403)
  @ApiOkResponse({ type: DeadLettersPage })
  list(@Query(queryPipe) query: DeadLettersQuery): Promise<DeadLettersPage> {
    return this.deadLetters.list(query);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Deliver the event again',
    description:
      'It is delivered within seconds, as often as a new event. Should it fail again, it is a dead letter with another id. 409 when the event was deleted from the log.',
  })
  @ApiResponse({ status: 202, type: RetryingView, description: 'The event is pending again.' })
  @ApiProblems(400, 401, 403, 404, 409, 503)
  async retry(@Param('id') id: string): Promise<RetryingView> {
    return { ...(await this.deadLetters.retry(id)), status: 'retrying' };
  }

  @Delete(':id')
  @ApiOperation({
    summary: 'Give the event up',
    description: 'It stays in the log, and stays without effect on this group, also when that is rebuilt.',
  })
  @ApiOkResponse({ type: DroppedView })
  @ApiProblems(400, 401, 403, 404, 409, 503)
  async drop(@Param('id') id: string): Promise<DroppedView> {
    return { ...(await this.deadLetters.drop(id)), status: 'dropped' };
  }
}
