import type { IncomingMessage } from 'node:http';

/** The game's client calls `/api/playerstate/`, others `/api/playerstate`. One route serves both. */
export function withoutTrailingSlash({ url = '/' }: Pick<IncomingMessage, 'url'>): string {
  if (!url.startsWith('/session/') && !url.startsWith('/api/')) return url;
  const end = url.search(/[?#]|$/);
  const path = url.slice(0, end);
  const shorter = path.slice(0, -1);
  const isOurs = shorter === '/session' || (/^\/api\/./.test(shorter) && !shorter.endsWith('/'));
  return path.endsWith('/') && isOurs ? shorter + url.slice(end) : url;
}
