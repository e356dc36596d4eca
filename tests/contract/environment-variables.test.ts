/** The table of environment variables is what the source reads. */
import ts from "typescript";
import { expect, it } from "vitest";
import { environmentVariables } from "../../src/contract/environment-variables.ts";
import { isTest, sourceFiles } from "./sources.ts";

const NAME = /^(PYRO_[A-Z_]+|XDG_[A-Z_]+|NO_COLOR)$/;
const TABLE = "src/contract/environment-variables.ts";

const files = sourceFiles("src").filter(({ path }) => !isTest(path) && path !== TABLE);

/** Every string of a file that is the name of a variable, and every variable read by its name. */
function variablesIn(path: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && NAME.test(node.text)) found.push(node.text);
    if (ts.isPropertyAccessExpression(node) && node.expression.getText() === "process.env") found.push(node.name.text);
    if (ts.isElementAccessExpression(node) && node.expression.getText() === "process.env") {
      found.push(ts.isStringLiteralLike(node.argumentExpression) ? node.argumentExpression.text : node.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  return found;
}

const named = files.flatMap(({ path, text }) => variablesIn(path, text).map((name) => ({ path, name })));

it("has every variable that the source names", () => {
  const unknown = named.filter(({ name }) => !Object.hasOwn(environmentVariables, name));
  expect(unknown.map(({ path, name }) => `${path}: ${name}`)).toEqual([]);
});

it("has no PYRO_ variable that nothing reads", () => {
  const read = new Set(named.map(({ name }) => name));
  const idle = Object.keys(environmentVariables).filter((name) => name.startsWith("PYRO_") && !read.has(name));
  expect(idle).toEqual([]);
});
