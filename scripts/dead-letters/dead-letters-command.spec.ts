import { parseCommand, UsageError } from './dead-letters-command.js';

describe('the arguments of dead-letters', () => {
  it.each([
    [['list'], { name: 'list' }],
    [['list', '--group', 'saves'], { name: 'list', group: 'saves' }],
    [['--group=saves', 'list'], { name: 'list', group: 'saves' }],
    [['retry', 'saves.p0-1-0'], { name: 'retry', id: 'saves.p0-1-0' }],
    [['retry', '--all'], { name: 'retry all' }],
    [['retry', '--all', '--group', 'saves'], { name: 'retry all', group: 'saves' }],
    [['drop', 'saves.p0-1-0'], { name: 'drop', id: 'saves.p0-1-0' }],
  ])('can be %j', (args, command) => {
    expect(parseCommand(args)).toEqual(command);
  });

  it.each([
    [[]],
    [['--all']],
    [['lst']],
    [['list', 'x']],
    [['list', '--all']],
    [['list', '--group']],
    [['list', '--verbose']],
    [['retry']],
    [['retry', 'a', 'b']],
    [['retry', 'a', '--all']],
    [['retry', 'a', '--group', 'saves']],
    [['drop']],
    [['drop', '--all']],
    [['drop', 'a', 'b']],
  ])('cannot be %j', args => {
    expect(() => parseCommand(args)).toThrow(UsageError);
  });
});
