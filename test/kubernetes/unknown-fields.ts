import ts from 'typescript';

/** Where the types of an API group are. */
export interface TypedObject {
  readonly module: string;
  readonly kind: string;
  readonly object: unknown;
}

/**
 * What is wrong with objects by their TypeScript types. Unlike the API's schemas, the compiler also refuses fields that
 * there are not: a misspelled probe would silently be none.
 */
export function typeFaults(objects: readonly TypedObject[]): string[] {
  const name = `${process.cwd()}/manifests-under-test.ts`;
  const text = objects
    .map(({ module, kind, object }, i) =>
      [
        `import type { I${kind} as Type${i} } from '${module}';`,
        `export const object${i}: Type${i} = ${JSON.stringify(object)};`,
      ].join('\n'),
    )
    .join('\n');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = file => file === name || fileExists(file);
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(file, text, ts.ScriptTarget.ES2024) : getSourceFile(file, ...rest);
  const program = ts.createProgram([name], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
