import { request } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../../test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';
export const GAME = 'https://game.example';
export const JSON_TYPE = 'application/json';
export const NDJSON = 'application/x-ndjson';
export const SAVE = '/v1/players/ada/saves/auto';
export const BOM = '\ufeff';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** A gateway that listens on a port, for all tests of a file. */
export function useListeningGateway() {
  let test: TestLog;
  let gateway: NestFastifyApplication;
  let port: number;

  beforeAll(async () => {
    test = await openTestLog();
    gateway = await openTestGateway(test, { ADMIN_KEYS: ADMIN, RATE_LIMIT: 'off', CORS_ORIGINS: GAME });
    await gateway.listen(0, '127.0.0.1');
    port = (gateway.getHttpServer().address() as { port: number }).port;
  });
  afterAll(async () => {
    await gateway.close();
    await test.close();
  });

  const send = async (
    method: Method,
    url: string,
    payload?: string | Buffer,
    headers: Record<string, string> = {},
  ) => {
    const type = payload === undefined ? {} : { 'content-type': JSON_TYPE };
    const {
      statusCode,
      headers: answered,
      body,
    } = await gateway.inject({
      method,
      url,
      ...(payload !== undefined && { payload }),
      headers: { authorization: `Bearer ${ADMIN}`, ...type, ...headers },
    });
    const isJson = /json/.test(String(answered['content-type'])) && body !== '';
    return { status: statusCode, headers: answered, body: isJson ? JSON.parse(body) : body };
  };
  /** As a client does that leaves the address alone. */
  const sendRaw = (method: string, path: string) =>
    new Promise<{ status: number | undefined; headers: object; type: string | undefined }>(
      (resolve, reject) => {
        request({ port, method, path }, answer => {
          answer.resume();
          const { statusCode, headers } = answer;
          resolve({ status: statusCode, headers, type: headers['content-type'] });
        })
          .on('error', reject)
          .end();
      },
    );

  return {
    get test() {
      return test;
    },
    get gateway() {
      return gateway;
    },
    get port() {
      return port;
    },
    send,
    sendRaw,
  };
}
