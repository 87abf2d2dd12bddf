import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { faultsIn } from './detached-work.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const files = globSync('{apps,libs}/**/*.ts', { cwd: root }).filter(file => !file.endsWith('.spec.ts'));

const check = (text: string) =>
  faultsIn(ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true)).map(fault => fault.slice(7));

describe('work that nobody waits for', () => {
  it('has a place for its errors in all sources', () => {
    expect(files.length).toBeGreaterThan(100);
    const faults = files.flatMap(file => {
      const text = readFileSync(`${root}${file}`, 'utf8');
      return faultsIn(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
    });
    expect(faults).toEqual([]);
  });

  it.each([
    ['a promise that is dropped', 'void work();'],
    ['a promise that only goes on', 'void work().then(next);'],
    ['a method without a try', 'class A { a() { void this.b(); } async b() { await c(); } }'],
    ['a timer with an async callback', 'setInterval(async () => { await work(); }, 5);'],
    ['an async listener', "socket.on('data', async data => { await work(data); });"],
    ['an async subscriber', 'pages.subscribe({ next: async page => { await show(page); } });'],
    [
      'a loop that an error ends',
      'async function look() { while (!this.stopping) { await work(); await delay(5); } }',
    ],
    ['a loop that is caught too far out', 'async () => { try { while (on) await work(); } catch {} }'],
  ])('is found without such a place: %s', (_, text) => {
    expect(check(text)).toHaveLength(1);
  });

  it.each([
    ['a promise that is caught', 'void work().catch(report);'],
    ['a promise that is caught and goes on', 'void work().catch(report).finally(next);'],
    ['a method that tries', 'class A { a() { void this.b(); } async b() { try { await c(); } catch {} } }'],
    ['a timer', 'setInterval(() => look(), 5);'],
    [
      'a loop that tries each time',
      'async function look() { while (!this.stopping) { try { await work(); } catch {} } }',
    ],
    ['a loop that is waited for', 'async () => { while (!(await isDone())) await delay(5); }'],
  ])('passes with one: %s', (_, text) => {
    expect(check(text)).toEqual([]);
  });
});
