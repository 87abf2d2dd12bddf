import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Observable } from 'rxjs';
import type { CallerRequest } from '../auth/caller.guard.js';
import { isFromCookie, sentToken } from '../auth/sent-token.js';
import { setCookie } from '../auth/session-cookie.js';

/** Renews a browser's session cookie with every answer, for another seven days. */
@Injectable()
export class CookieRenewalInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<CallerRequest>();
    const reply = http.getResponse<FastifyReply>();
    const token = sentToken(request);
    // The game does not read most of these bodies. With `no-store`, Chrome would keep such a request open.
    reply.header('Cache-Control', request.url.startsWith('/api/') ? 'no-cache' : 'no-store');
    const isSession = request.caller?.kind === 'player' && isFromCookie(request);
    // If the session was extended, `CallerGuard` has set the cookie already.
    if (isSession && token !== undefined && !reply.hasHeader('Set-Cookie')) setCookie(request, reply, token);
    return next.handle();
  }
}
