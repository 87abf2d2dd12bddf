import type { IncomingMessage } from 'node:http';

/** The game's client calls `/api/playerstate/`, others `/api/playerstate`: one route is both. */
export const withoutTrailingSlash = ({ url = '/' }: Pick<IncomingMessage, 'url'>): string =>
  url.startsWith('/v1/') ? url : url.replace(/^(\/(?:session|api\/[^?#]*[^?#/]))\/(?=$|[?#])/, '$1');
