import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Appended, VersionConflictError } from '#libs/event-log';
import type { Actor } from '#libs/events';
import type { Envelope } from '#libs/leaderboards';
import { Public } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { ApiPlayer, ApiProblems, ApiRead } from '../http/api-docs.js';
import { BODY_LIMIT_BYTES, TEXT_BODY } from '../http/server/json-body.js';
import { IdPipe } from '../http/validation/ids.js';
import { queryPipe } from '../http/validation/validation.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import { Answer, done, missing } from './answers.js';
import { CookieRenewalInterceptor } from './cookie-renewal.interceptor.js';
import {
  type DocumentKind,
  GAME_STATE,
  ownerIn,
  PLAYER_STATE,
  type SentDocument,
  sentDocument,
} from './document-kind.js';
import { DocumentList, SearchQuery } from './documents.dto.js';
import { DocumentsService } from './documents.service.js';
import { assertOwn, SessionsOnly } from './own-session.js';

/** A document and the object around it. */
const WRAPPED_BODY = { ...TEXT_BODY, bodyLimit: BODY_LIMIT_BYTES + 1024 } as const;
const JSON_TYPE = 'application/json; charset=utf-8';

const wrappedSchema = (field: string) => ({
  type: 'object',
  required: [field],
  additionalProperties: false,
  properties: {
    [field]: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
  },
  example: { [field]: { id: 'pabcdefghij234567klmn', name: 'Ada', level: 3 } },
});

/** The routes for one kind of document. Those of the two kinds differ in names only. */
function documentsController(kind: DocumentKind) {
  const { path, field, prefix, noun } = kind;
  const ApiDocument = () => ApiBody({ schema: wrappedSchema(field) });
  const hasOwnDocument = ({ body }: CallerRequest, player: string) => {
    const owner = ownerIn(body, kind);
    return owner === undefined ? undefined : owner === player;
  };
  const hasOwnId = ({ params }: CallerRequest, player: string) =>
    plain((params as { id?: string }).id ?? '') === player;
  const ApiMissing = () => ApiResponse({ status: 404, type: Answer, description: 'There is none.' });

  @ApiTags('cache quest')
  @UseInterceptors(CookieRenewalInterceptor)
  @Controller(path)
  class DocumentsController {
    constructor(
      private readonly documents: DocumentsService,
      private readonly writes: WriteResponder,
    ) {}

    @Post()
    @SessionsOnly(hasOwnDocument)
    @HttpCode(200)
    @RouteConfig(WRAPPED_BODY)
    @ApiOperation({ summary: `Create the session's ${field}, or replace it` })
    @ApiDocument()
    @ApiPlayer()
    @ApiProblems(400, 401, 403, 413, 415, 422, 429, 503)
    @ApiOkResponse({ type: Answer, description: 'It can be read.' })
    async create(@Body() body: unknown, @Write() write: WriteRequest): Promise<Answer> {
      const { id, text } = ownDocument(body, write.caller);
      await this.writes.untilApplied(write, envelope => this.documents.write(id, kind, text, envelope));
      return done(`${noun} created`);
    }

    @Patch()
    @SessionsOnly(hasOwnDocument)
    @RouteConfig(WRAPPED_BODY)
    @ApiOperation({
      summary: `Replace the session's ${field}, if there is one`,
      description: 'As a whole: this is no patch.',
    })
    @ApiDocument()
    @ApiPlayer()
    @ApiMissing()
    @ApiProblems(400, 401, 403, 413, 415, 422, 429, 503)
    @ApiOkResponse({ type: Answer, description: 'It can be read.' })
    async update(
      @Body() body: unknown,
      @Write() write: WriteRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Answer> {
      const { id, text } = ownDocument(body, write.caller);
      const isReplaced = await this.ifThere(write, envelope =>
        this.documents.replace(id, kind, text, envelope),
      );
      return isReplaced ? done(`${noun} updated`) : missing(reply);
    }

    @Get()
    @Public()
    @Header('Content-Type', JSON_TYPE)
    @ApiOperation({ summary: `Every ${field}`, description: '100 at most; `total` says how many there are.' })
    @ApiRead()
    @ApiOkResponse({ type: DocumentList })
    all(): Promise<string> {
      return this.documents.list(kind, {});
    }

    @Get('search')
    @Public()
    @Header('Content-Type', JSON_TYPE)
    @ApiOperation({ summary: `Every ${field} with these words in its name, and with this id` })
    @ApiRead()
    @ApiOkResponse({ type: DocumentList })
    search(@Query(queryPipe) { name, id }: SearchQuery): Promise<string> {
      // Forms send empty fields, too: they count as absent.
      return this.documents.list(kind, { words: name || undefined, player: id ? plain(id) : undefined });
    }

    @Get(':id')
    @Public()
    @Header('Content-Type', JSON_TYPE)
    @ApiOperation({ summary: `A ${field}, byte for byte as it was sent`, description: 'Anyone can read it.' })
    @ApiRead()
    @ApiMissing()
    @ApiOkResponse({ content: { 'application/json': { schema: { type: 'object' } } } })
    async read(
      @Param('id', IdPipe) id: string,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<string | Answer> {
      return (await this.documents.find(plain(id), kind)) ?? missing(reply);
    }

    @Delete(':id')
    @SessionsOnly(hasOwnId)
    @ApiOperation({
      summary: `Delete the session's ${field}`,
      description: 'It is no error when there is none.',
    })
    @ApiPlayer()
    @ApiProblems(400, 401, 403, 429, 503)
    @ApiOkResponse({ type: Answer })
    async delete(@Param('id', IdPipe) id: string, @Write() write: WriteRequest): Promise<Answer> {
      assertOwn(write.caller, plain(id) === write.caller.id);
      await this.ifThere(write, envelope => this.documents.delete(plain(id), kind, envelope));
      return done(`${noun} deleted`);
    }

    /** @returns false when there is no document */
    private async ifThere(
      write: WriteRequest,
      append: (envelope: Envelope) => Promise<Appended>,
    ): Promise<boolean> {
      try {
        await this.writes.untilApplied(write, append);
        return true;
      } catch (error) {
        if (error instanceof VersionConflictError) return false;
        throw error;
      }
    }
  }

  /** @throws Problem 400, 403, 413, 422 */
  function ownDocument(body: unknown, caller: Actor): SentDocument {
    const document = sentDocument(body, kind);
    assertOwn(caller, document.id === caller.id);
    return document;
  }

  /** Ids can have the prefix that they have in lists. */
  const plain = (id: string) => (id.startsWith(prefix) ? id.slice(prefix.length) : id);

  return DocumentsController;
}

export class PlayerStateController extends documentsController(PLAYER_STATE) {}
export class GameStateController extends documentsController(GAME_STATE) {}
