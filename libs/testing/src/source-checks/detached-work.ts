import ts from 'typescript';

/** Callees whose promise may be dropped without a `catch`, and why. */
const ALLOWED: Readonly<Record<string, string>> = {
  add: 'that of a set gives no promise',
  set: 'that of a map gives no promise',
  parseSafely: 'it gives its errors to a callback',
  'fastify.register': 'its errors come out of `ready`',
  'reply.send': 'a reply only looks like a promise',
  'reply.hijack': 'it gives the reply',
};

/** Calls that take a callback whose promise nobody waits for. */
const DROPS_PROMISES =
  /^(?:.*\.)?(?:setTimeout|setInterval|setImmediate|nextTick|queueMicrotask|on|once|addListener|prependListener|addEventListener|subscribe)$/;

/** The condition of a loop that only something outside ends. */
const ENDS_FROM_OUTSIDE =
  /^(?:true|!?(?:this\.)?(?:is)?(?:stopping|stopped|ending|closing|closed|watching|running|on))$/i;

/**
 * Work in a source that nobody waits for, and whose errors have no place to go: in a gateway they would end a loop
 * without a word, and in a worker the process.
 *
 * - `void f()` needs a `catch` in the chain, or an `f` of the same file that tries.
 * - Callbacks of timers and events must not be async functions.
 * - An endless loop in an async function tries each round: only so does it go on after an error.
 */
export function faultsIn(source: ts.SourceFile): string[] {
  const faults: string[] = [];
  const report = (node: ts.Node, what: string) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    const [text = ''] = node.getText(source).split('\n');
    faults.push(`${source.fileName}:${line + 1}: ${what}: ${text}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isVoidExpression(node) && ts.isCallExpression(node.expression) && !isSafe(node.expression, source))
      report(node, 'a promise is dropped, and so is its error');
    if (ts.isCallExpression(node) && DROPS_PROMISES.test(node.expression.getText(source)))
      for (const callback of callbacksOf(node))
        report(callback, 'nobody waits for what this async callback does');
    if (ts.isWhileStatement(node) && isDetached(node, source) && !triesEachRound(node))
      report(node, 'an error in one round ends the loop');
    ts.forEachChild(node, visit);
  };
  visit(source);
  return faults;
}

function isSafe(call: ts.CallExpression, source: ts.SourceFile): boolean {
  const chain = namesIn(call);
  if (chain.includes('catch')) return true;
  const [first, last] = [chain.at(-1), chain[0]];
  const callee = call.expression.getText(source);
  if ([callee, last, `${first}.${last}`].some(name => name !== undefined && name in ALLOWED)) return true;
  return chain.length <= 2 && declarationsOf(last ?? '', source).some(contains(ts.isTryStatement));
}

/** The names that a chain of calls and properties is made of, the last one first: `a().b` gives `b`, `a`. */
function namesIn(node: ts.Expression): string[] {
  if (ts.isCallExpression(node)) return namesIn(node.expression);
  if (ts.isPropertyAccessExpression(node)) return [node.name.text, ...namesIn(node.expression)];
  return [node.getText()];
}

function declarationsOf(name: string, source: ts.SourceFile): ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    const isDeclaration =
      ts.isMethodDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isVariableDeclaration(node);
    if (isDeclaration && node.name?.getText(source) === name) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Async functions among the arguments of a call, or in an object that is one. */
function callbacksOf({ arguments: given }: ts.CallExpression): ts.Node[] {
  return given.flatMap((argument): readonly ts.Node[] => {
    if (!ts.isObjectLiteralExpression(argument)) return isAsync(argument) ? [argument] : [];
    return argument.properties.filter(property =>
      isAsync(ts.isPropertyAssignment(property) ? property.initializer : property),
    );
  });
}

const isAsync = (node: ts.Node): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword);

/** It goes on for as long as the process, and nobody waits for its end before that. */
function isDetached(loop: ts.WhileStatement, source: ts.SourceFile): boolean {
  const owner = ts.findAncestor(loop, ts.isFunctionLike);
  if (!owner || !isAsync(owner) || !ENDS_FROM_OUTSIDE.test(loop.expression.getText(source))) return false;
  const name = owner.name?.getText(source);
  const isAwaited = (node: ts.Node): boolean =>
    ts.isAwaitExpression(node) &&
    ts.isCallExpression(node.expression) &&
    namesIn(node.expression)[0] === name;
  return name === undefined || !contains(isAwaited)(source);
}

/** All of a round that can fail is in a `try` of its own, or there is nothing to wait for in it. */
function triesEachRound({ statement }: ts.WhileStatement): boolean {
  const statements = ts.isBlock(statement) ? statement.statements : [statement];
  return (
    statements.some(each => ts.isTryStatement(each) && each.catchClause !== undefined) ||
    !contains(ts.isAwaitExpression)(statement)
  );
}

function contains(is: (node: ts.Node) => boolean): (node: ts.Node) => boolean {
  const look = (node: ts.Node): boolean => is(node) || (ts.forEachChild(node, look) ?? false);
  return look;
}
