import { Readable } from 'node:stream';
// biome-ignore lint/style/noRestrictedImports: this is the one place that makes them
import { Logger, StreamableFile } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { isGone } from '../presence.js';
import { addTime } from './deadline.js';

const logger = new Logger('StreamedAnswer');

/**
 * Answers with a stream and removes the deadline. A client that stops reading is cut off by the limits of its connection.
 *
 * When the stream fails, the connection is closed before the document ends, so that the client notices.
 */
export function streamedAnswer(
  request: FastifyRequest,
  stream: Readable,
  options: { readonly type: string; readonly disposition: string },
): StreamableFile {
  if (request.method === 'HEAD') {
    // Fastify would read the stream to its end after the answer.
    stream.destroy();
    return new StreamableFile(Readable.from([]), options);
  }
  addTime(request, Number.POSITIVE_INFINITY);
  return new StreamableFile(stream, options).setErrorLogger(error => {
    if (!isGone(request)) logger.warn(`${request.routeOptions.url} broke off: ${error.message}`);
  });
}
