import { Body, Controller, Delete, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Job, Jobs, projectionByTitle } from '#libs/maintenance';
import { AdminOnly } from '../auth/access.guard.js';
import { ApiProblems } from '../http/api-docs.js';
import { badField, badValue, notFound } from '../http/problem.js';
import { bodyPipe } from '../http/validation/validation.js';
import { JobBody, JobView, RebuildBody, toView } from './jobs.dto.js';

/** Creates jobs and reports their progress. The projection's workers run them. */
@ApiTags('operators')
@AdminOnly()
@Controller({ path: 'admin', version: '1' })
export class JobsController {
  constructor(private readonly jobs: Jobs) {}

  @Post('rebuilds')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Rebuild a projection from the log',
    description:
      'Writes and reads go on; partition by partition, the new state replaces the old one at one event. One job at a time for each projection.',
  })
  @ApiAcceptedResponse({ type: JobView, description: '`Location` tells how far it is.' })
  @ApiProblems(400, 401, 403, 409, 503)
  rebuild(
    @Body(bodyPipe) body: RebuildBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    return this.start('rebuild', body, reply);
  }

  @Get('rebuilds/:id')
  @ApiOperation({ summary: 'How far a rebuild is' })
  @ApiOkResponse({ type: JobView })
  @ApiProblems(401, 403, 404, 503)
  async rebuildById(@Param('id') id: string): Promise<JobView> {
    return toView(await this.find('rebuild', id));
  }

  @Delete('rebuilds/:id')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Cancel a rebuild',
    description: 'Partitions that are switched stay so: they are what the log says.',
  })
  @ApiAcceptedResponse({ type: JobView })
  @ApiProblems(401, 403, 404, 409, 503)
  cancelRebuild(@Param('id') id: string): Promise<JobView> {
    return this.cancel('rebuild', id);
  }

  @Post('verifications')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Compare a projection with the fold of its log',
    description: 'Everything goes on meanwhile. The job tells what differs.',
  })
  @ApiAcceptedResponse({ type: JobView, description: '`Location` tells how far it is.' })
  @ApiProblems(400, 401, 403, 409, 503)
  verify(@Body(bodyPipe) body: JobBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<JobView> {
    return this.start('verify', body, reply);
  }

  @Get('verifications/:id')
  @ApiOperation({ summary: 'How far a comparison is, and what it found' })
  @ApiOkResponse({ type: JobView })
  @ApiProblems(401, 403, 404, 503)
  async verificationById(@Param('id') id: string): Promise<JobView> {
    return toView(await this.find('verify', id));
  }

  @Delete('verifications/:id')
  @HttpCode(202)
  @ApiOperation({ summary: 'Cancel a comparison' })
  @ApiAcceptedResponse({ type: JobView })
  @ApiProblems(401, 403, 404, 409, 503)
  cancelVerification(@Param('id') id: string): Promise<JobView> {
    return this.cancel('verify', id);
  }

  private async start(kind: Job['kind'], body: RebuildBody, reply: FastifyReply): Promise<JobView> {
    const { projection: title, ...order } = body;
    const projection = projectionByTitle(title);
    if (!projection) throw badField('projection', `there is no projection ${title}`);
    if (order.board !== undefined && !projection.boardScope)
      throw badValue(
        'board',
        `board goes with the projection ranking only: ${title} has no boards to itself, so leave it out`,
        order.board,
      );
    const job = await this.jobs.start(projection, { kind, ...order });
    reply.header('Location', `/v1/admin/${kind === 'rebuild' ? 'rebuilds' : 'verifications'}/${job.id}`);
    return toView(job);
  }

  private async cancel(kind: Job['kind'], id: string): Promise<JobView> {
    await this.jobs.cancel(await this.find(kind, id));
    return toView(await this.find(kind, id));
  }

  private async find(kind: Job['kind'], id: string): Promise<Job> {
    const job = await this.jobs.find(id);
    if (job?.kind !== kind) throw notFound('there is no such job: it is kept for seven days after its end');
    return job;
  }
}
