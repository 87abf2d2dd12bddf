import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** A regular expression in a source file. */
export interface FoundExpression {
  /** File and line, relative to the root. */
  readonly at: string;
  /** Without its slashes; missing when it is built at run time. */
  readonly source?: string;
  readonly flags: string;
  /** As it stands in the file. */
  readonly text: string;
}

/** All regular expressions in the TypeScript files of some folders, but for tests and what only tests use. */
export function regularExpressionsIn(root: string, folders: readonly string[]): FoundExpression[] {
  return folders.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map(file => join(folder, file))
      .filter(file => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !file.startsWith('libs/testing/'))
      // The set-up of tests.
      .filter(file => !/\/test-[^/]*$/.test(file))
      .sort()
      .flatMap(file => expressionsIn(file, readFileSync(join(root, file), 'utf8'))),
  );
}

function expressionsIn(file: string, code: string): FoundExpression[] {
  const parsed = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, false);
  const found: FoundExpression[] = [];
  const visit = (node: ts.Node): void => {
    const expression = expressionOf(node, parsed);
    if (expression) {
      const { line } = parsed.getLineAndCharacterOfPosition(node.getStart(parsed));
      found.push({ at: `${file}:${line + 1}`, text: node.getText(parsed), ...expression });
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return found;
}

function expressionOf(
  node: ts.Node,
  parsed: ts.SourceFile,
): Pick<FoundExpression, 'source' | 'flags'> | undefined {
  if (ts.isRegularExpressionLiteral(node)) {
    const end = node.text.lastIndexOf('/');
    return { source: node.text.slice(1, end), flags: node.text.slice(end + 1) };
  }
  const isCall = ts.isNewExpression(node) || ts.isCallExpression(node);
  return isCall && node.expression.getText(parsed) === 'RegExp' ? { flags: '' } : undefined;
}
