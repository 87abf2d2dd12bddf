import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger as Pino, pino } from 'pino';
import pretty from 'pino-pretty';

export interface LoggerOptions {
  /** Name of the process, added to every line. */
  readonly name: string;
  /** A pino level, such as `info`. */
  readonly level: string;
  /** True for JSON lines, false for formatted lines at a terminal. */
  readonly json: boolean;
}

/** Startup messages of Nest in these contexts are logged at level debug. They only help when a module is missing. */
const NEST_STARTUP_CONTEXTS = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestMicroservice',
  'NestApplication',
]);

/**
 * Paths that pino redacts: secrets up to two objects deep, and the arguments of a failed Redis command, which can hold a
 * password (`AUTH`).
 */
const REDACTED_PATHS = [
  'err.command.args',
  ...['authorization', 'cookie', '["set-cookie"]', 'password', 'secret', 'token'].flatMap(name => {
    const field = name.startsWith('[') ? name : `.${name}`;
    return [field.replace(/^\./, ''), `*${field}`, `*.*${field}`];
  }),
];

/** Implements Nest's logger interface on top of pino. */
export class Logger implements LoggerService {
  private constructor(readonly pino: Pino) {}

  /** @param output where JSON lines are written; default: standard output */
  static create({ name, level, json }: LoggerOptions, output?: DestinationStream): Logger {
    const options = { name, level, base: { pid: process.pid }, redact: REDACTED_PATHS };
    if (json) return new Logger(output ? pino(options, output) : pino(options));
    const stream = pretty({
      sync: true,
      ignore: 'pid,hostname,context',
      translateTime: 'SYS:HH:MM:ss',
      messageFormat: (log, key) => (log.context ? `[${log.context}] ${log[key]}` : String(log[key])),
    });
    return new Logger(pino(options, stream));
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.write(NEST_STARTUP_CONTEXTS.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  /** @param rest Nest passes the context as the last argument, and for errors the stack before it */
  private write(
    level: 'info' | 'warn' | 'error' | 'fatal' | 'debug' | 'trace',
    message: unknown,
    rest: unknown[],
  ): void {
    const context = rest.at(-1);
    const [stack] = rest.slice(0, -1);
    const fields = {
      ...(typeof context === 'string' && { context }),
      ...(typeof stack === 'string' && { stack }),
    };
    if (message instanceof Error) this.pino[level]({ ...fields, err: message }, message.message);
    else if (typeof message === 'object') this.pino[level]({ ...fields, ...message });
    else this.pino[level](fields, String(message));
  }
}
