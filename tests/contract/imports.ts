/** Reads every import of a file off its syntax tree: static, re-exported, dynamic, `import("…")` types and `require`. */
import { posix } from "node:path";
import ts from "typescript";
import type { SourceFile } from "./sources.ts";

export interface Import {
  /** Path of the file that imports */
  readonly from: string;
  /** Path of our own file, or the name of a package or built-in module as it was written */
  readonly target: string;
  /** Gone when the types are erased */
  readonly typeOnly: boolean;
}

/** All imports of `file`, in their order. Throws where a dynamic import does not name its module. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier === undefined) return;
    if (!ts.isStringLiteralLike(specifier))
      throw new Error(`${file.path}: an import whose module is computed: ${specifier.getText()}`);
    found.push({ from: file.path, target: resolve(file.path, specifier.text), typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node)) add(literalOf(node.argument), true);
    else if (ts.isCallExpression(node) && loadsModule(node.expression)) add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true));
  return found;
}

function literalOf(argument: ts.TypeNode): ts.Node {
  return ts.isLiteralTypeNode(argument) ? argument.literal : argument;
}

/** `import(…)`, `require(…)`, `process.getBuiltinModule(…)`. */
function loadsModule(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  const name = ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText();
  return name === "require" || name === "getBuiltinModule";
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier;
}
