/** `docs/reference/environment-variables.md`: every variable that pyro reads. */
import { environmentVariables } from "../../src/contract/environment-variables.ts";
import { code, page, table } from "./markdown.ts";

/** The whole page. */
export function environmentVariablesReference(): string {
  const rows = Object.entries(environmentVariables).map(([name, meaning]) => [code(name), meaning]);
  return page("src/contract/environment-variables.ts", [
    "# Environment variables",
    "pyro reads these and no others. None is needed.",
    table(["Variable", "Meaning"], rows),
  ]);
}
