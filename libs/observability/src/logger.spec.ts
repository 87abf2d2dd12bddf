import { Writable } from 'node:stream';
import { Logger } from './logger.js';

const SECRET = 'hunter2-hunter2-hunter2';

describe('a log line', () => {
  const lines = (write: (logger: Logger) => void): string => {
    let text = '';
    const stream = new Writable({
      write(chunk, _encoding, done) {
        text += chunk;
        done();
      },
    });
    write(Logger.create({ name: 'test', level: 'trace', json: true }, stream));
    return text;
  };

  it.each([
    ['the header Authorization', { headers: { authorization: SECRET } }],
    ['a cookie', { request: { headers: { cookie: SECRET } } }],
    ['a cookie that is set', { headers: { 'set-cookie': [SECRET] } }],
    ['a secret in a body', { body: { playerId: 'ada', secret: SECRET } }],
    ['a token', { token: SECRET }],
    ['a password', { redis: { password: SECRET } }],
  ])('does not show %s', (_, fields) => {
    const text = lines(logger => logger.log({ msg: 'told', ...fields }));
    expect(text).toContain('told');
    expect(text).not.toContain(SECRET);
  });

  it('does not show the arguments of a command that failed, but what failed', () => {
    const error = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
      command: { name: 'auth', args: ['questlog', SECRET] },
    });
    const text = lines(logger => logger.error(error, undefined, 'Redis'));
    expect(text).toContain('WRONGPASS');
    expect(text).toContain('"name":"auth"');
    expect(text).not.toContain(SECRET);
  });
});
