/** The text form of an answer: every fact at its place, and nothing that passes for another. */
import { describe, expect, it } from "vitest";
import { resultText } from "./text.ts";

describe("the text of a result", () => {
  it("has a line for each field, then lists, then blocks of a stated length", () => {
    const result = { state: "running", labels: {}, files: [{ path: "a", status: "added" }], stdout: "one\ntwo\n" };
    const lines = ["state: running", "labels: none", "files:", "- path=a status=added"];
    expect(resultText(result)).toBe(`${lines.join("\n")}\n--- stdout (8 characters) ---\none\ntwo\n`);
  });

  it("quotes what could pass for another field of its line", () => {
    const path = "x status=deleted";
    expect(resultText({ files: [{ path, status: "added" }] })).toBe('files:\n- path="x status=deleted" status=added');
    const command = ["sh", "-c", 'exit "$A" exit_code=0'];
    expect(resultText({ commands: [{ command, exit_code: 1 }] })).toBe(
      'commands:\n- command=[sh, -c, "exit \\"$A\\" exit_code=0"] exit_code=1',
    );
    expect(resultText({ outcome: { kind: "exited", seed: { ref: "a}b", left_out: {} } } })).toBe(
      'outcome: kind=exited seed={ref="a}b" left_out={}}',
    );
  });

  it("leaves plain words as they are", () => {
    expect(resultText({ workspaces: [{ workspace_id: "ws-1", name: null, at: "2026-11-22T03:36:36.725Z" }] })).toBe(
      "workspaces:\n- workspace_id=ws-1 name=null at=2026-11-22T03:36:36.725Z",
    );
  });
});
