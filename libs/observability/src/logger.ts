import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger as Pino, pino } from 'pino';
import pretty from 'pino-pretty';

export interface LoggerOptions {
  /** The process's name, on every line. */
  readonly name: string;
  /** A level of pino's. */
  readonly level: string;
  /** JSON lines for machines; otherwise lines for people. */
  readonly json: boolean;
}

/** What Nest tells of its own start: of use when a module is missing, noise at every other time. */
const NEST = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestMicroservice',
  'NestApplication',
]);

/** Fields that no line shows, up to two objects deep. Of a command that failed, the arguments: they can be passwords. */
const SECRETS = [
  'err.command.args',
  ...['authorization', 'cookie', '["set-cookie"]', 'password', 'secret', 'token'].flatMap(name => {
    const field = name.startsWith('[') ? name : `.${name}`;
    return [field.replace(/^\./, ''), `*${field}`, `*.*${field}`];
  }),
];

/** pino behind Nest's logger interface. */
export class Logger implements LoggerService {
  private constructor(readonly pino: Pino) {}

  /** @param output instead of standard output, for JSON lines */
  static create({ name, level, json }: LoggerOptions, output?: DestinationStream): Logger {
    const options = { name, level, base: { pid: process.pid }, redact: SECRETS };
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
    this.write(NEST.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
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

  /** Nest passes the context last, and for errors the stack before it. */
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
