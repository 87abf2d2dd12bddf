import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Observable } from 'rxjs';
import type { CallerRequest } from '../auth/caller.guard.js';
import { isFromCookie, sentToken } from '../auth/sent-token.js';
import { setCookie } from '../auth/session-cookie.js';

/** Sends a browser's session back with every answer, so that it is kept for seven days more. */
@Injectable()
export class CookieRenewalInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<CallerRequest>();
    const reply = http.getResponse<FastifyReply>();
    const token = sentToken(request);
    // The game never reads most of these bodies, and with `no-store` Chrome keeps such a request open.
    reply.header('Cache-Control', request.url.startsWith('/api/') ? 'no-cache' : 'no-store');
    const isSession = request.caller?.kind === 'player' && isFromCookie(request);
    // Where its end was put off, it is on its way already.
    if (isSession && token !== undefined && !reply.hasHeader('Set-Cookie')) setCookie(request, reply, token);
    return next.handle();
  }
}
