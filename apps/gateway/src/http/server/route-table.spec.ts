import { RouteTable } from './route-table.js';

describe('the route table', () => {
  const table = new RouteTable();
  table.add(['GET', 'HEAD'], '/v1/boards');
  table.add(['PUT'], '/v1/boards/:board');
  table.add(['GET'], '/v1/boards/:board');
  table.add(['POST'], '/v1/boards/import');
  table.add(['GET'], '/docs/*');

  it('knows every method of a path, also of patterns that overlap', () => {
    expect(table.methodsOf('/v1/boards')).toEqual(['GET', 'HEAD']);
    expect(table.methodsOf('/v1/boards/weekly')).toEqual(['GET', 'PUT']);
    expect(table.methodsOf('/v1/boards/import')).toEqual(['GET', 'POST', 'PUT']);
    expect(table.methodsOf('/docs/a/b.js')).toEqual(['GET']);
  });

  it.each(['/', '/v1', '/v1/boards/', '/v1//boards', '//v1/boards', '/v1/boards/a/b', '/V1/boards', '/docs'])(
    'has nothing at %s',
    path => {
      expect(table.methodsOf(path)).toEqual([]);
    },
  );
});
