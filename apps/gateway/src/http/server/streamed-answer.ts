import { Readable } from 'node:stream';
// biome-ignore lint/style/noRestrictedImports: this is the one place that makes them
import { Logger, StreamableFile } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { isGone } from '../presence.js';
import { addTime } from './deadline.js';

const logger = new Logger('StreamedAnswer');

/**
 * Answers with a stream, for as long as it takes: the connection's limits end it when the client does not read.
 *
 * A stream that fails ends the connection before the document ends, so that nobody takes a part for the whole.
 */
export function streamedAnswer(
  request: FastifyRequest,
  stream: Readable,
  options: { readonly type: string; readonly disposition: string },
): StreamableFile {
  if (request.method === 'HEAD') {
    // Fastify would read it to its end, for nobody, after the answer.
    stream.destroy();
    return new StreamableFile(Readable.from([]), options);
  }
  addTime(request, Number.POSITIVE_INFINITY);
  return new StreamableFile(stream, options).setErrorLogger(error => {
    if (!isGone(request)) logger.warn(`${request.routeOptions.url} broke off: ${error.message}`);
  });
}
