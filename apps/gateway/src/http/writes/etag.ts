import type { IncomingHttpHeaders } from 'node:http';
import { elementsOf } from './list-header.js';

/** The `ETag` of a version, in answers to reads, to writes, and to writes whose condition does not hold. */
export const etagOf = (version: number): string => `"${version}"`;

/** Whether `If-None-Match` of a GET lists the version: the client has it already. */
export function matchesNone({ 'if-none-match': tags }: IncomingHttpHeaders, etag: string): boolean {
  return elementsOf(tags).some(tag => tag === '*' || tag.replace(/^W\//, '') === etag);
}
