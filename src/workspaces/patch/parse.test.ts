/** What a patch may be, and that everything else is refused, in bounded time. */
import { describe, expect, it } from "vitest";
import { seeded } from "../../../tests/support/random-tree.ts";
import { parsePatch } from "./parse.ts";

const git = (name: string, ...lines: readonly string[]) => [`diff --git a/${name} b/${name}`, ...lines, ""].join("\n");
const plain = (...lines: readonly string[]) => ["--- a/f", "+++ b/f", ...lines, ""].join("\n");
const change = ["@@ -1 +1 @@", "-x", "+y"];

function codeOf(patch: string): string {
  try {
    parsePatch(patch);
    return "accepted";
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
  }
}

describe("a patch is accepted", () => {
  const first = (patch: string) => parsePatch(patch)[0];

  it.each([
    ["a/ and b/", "--- a/f\n+++ b/f\n", "f"],
    ["no prefixes", "--- f\n+++ f\n", "f"],
    ["only one prefix of the two", "--- a/f\n+++ a/f\n", "a/f"],
    ["times", "--- a/f g\t2024-01-01 00:00:00 +0000\n+++ b/f g\t2024-01-01 00:00:00 +0000\n", "f g"],
    ["quotes", '--- "a/\\303\\251\\t\\"\\\\"\n+++ "b/\\303\\251\\t\\"\\\\"\n', 'é\t"\\'],
    ["bytes", '--- "a/\\377"\n+++ "b/\\377"\n', "\udcff"],
    ["git", "diff --git a/f b/f\nindex 0123456..abcdef0 100644\n--- a/f\n+++ b/f\n", "f"],
    ["git, renamed by quotes", 'diff --git "a/f" b/f\n--- a/f\n+++ "b/f"\n', "f"],
    ["CR LF headers", "--- a/f\r\n+++ b/f\r\n", "f"],
  ])("with %s", (_, header, path) => {
    expect(first(`${header}${change.join("\n")}\n`)).toMatchObject({ old_path: path, new_path: path });
  });

  it.each([
    [git("f", "new file mode 100755"), { old_path: null, new_path: "f", new_mode: "100755", hunks: [] }],
    [git("f x", "deleted file mode 100644"), { old_path: "f x", new_path: null }],
    [git("f b/f", "old mode 100644", "new mode 100755"), { new_path: "f b/f", old_mode: "100644", new_mode: "100755" }],
    ["diff --git a/f b/g h\nsimilarity index 100%\nrename from f\nrename to g h\n", { old_path: "f", new_path: "g h" }],
    ['diff --git "a/tr /x" "b/tr /x"\nnew file mode 100644\n', { old_path: null, new_path: "tr /x" }],
    [git("f", "--- /dev/null", "+++ b/f", "@@ -0,0 +1 @@", "+x"), { old_path: null, new_mode: "100644" }],
    ["--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n", { old_path: null, new_path: "f" }],
    ["--- f\t2024-01-01 0\n+++ f\t1970-01-01 00:00:00 +0000\n@@ -1 +0,0 @@\n-x\n", { old_path: "f", new_path: null }],
  ])("that is %j", (patch, file) => {
    expect(parsePatch(patch)).toMatchObject([file]);
  });

  it("with an opening, a signature, commands between its files, and empty lines of context that lost their space", () => {
    const patch = `From 1234\nSubject: x\n---\n f | 2 +-\n\n${git("f", "--- a/f", "+++ b/f", "@@ -1,3 +1,3 @@ f()", " a", "", "-x", "+y")}\nIndex: g\n=====\ndiff -u g g\n--- g\n+++ g\n${change.join("\n")}\n-- \n2.39.5\n\n`;
    const [f, g] = parsePatch(patch);
    expect(f?.hunks).toMatchObject([{ at: 0, old_text: "a\n\nx\n", new_text: "a\n\ny\n", additions: 1, deletions: 1 }]);
    expect(g?.new_path).toBe("g");
  });

  it("without the line feed at its end, and with files that have none", () => {
    const [file] = parsePatch(plain("@@ -1 +1 @@", "-x", "\\ No newline at end of file", "+y").slice(0, -1));
    expect(file?.hunks).toMatchObject([{ old_text: "x", new_text: "y\n" }]);
  });

  it("with every carriage return of its content", () => {
    const [file] = parsePatch(plain("@@ -1,2 +1,2 @@\r", " a\r", "-b\r", "+c"));
    expect(file?.hunks).toMatchObject([{ old_text: "a\r\nb\r\n", new_text: "a\r\nc\n" }]);
  });
});

describe("a patch is refused", () => {
  it.each([
    ["nothing", "", "patch_malformed"],
    ["words", "change the file\n", "patch_malformed"],
    ["a hunk of no file", `${change.join("\n")}\n`, "patch_malformed"],
    ["one name", "--- a/f\n@@ -1 +1 @@\n-x\n+y\n", "patch_malformed"],
    ["no hunks", "--- a/f\n+++ b/f\n", "patch_malformed"],
    ["two names", "--- a/f\n+++ b/g\n@@ -1 +1 @@\n-x\n+y\n", "patch_malformed"],
    ["no file at all", "--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n", "patch_malformed"],
    ["an absolute path", "--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-x\n+y\n", "path_escape"],
    ["an absolute path behind a prefix", "--- a//etc/x\n+++ b//etc/x\n@@ -1 +1 @@\n-x\n+y\n", "path_escape"],
    ["a path that leads out", "--- a/x\n+++ b/../../etc/x\n@@ -1 +1 @@\n-x\n+y\n", "path_escape"],
    ["one in quotes", '--- "a/\\056\\056/x"\n+++ "b/\\056\\056/x"\n@@ -1 +1 @@\n-x\n+y\n', "path_escape"],
    ["one in git's form", git("../x", "--- a/../x", "+++ b/../x", ...change), "path_escape"],
    ["one without prefix in git's form", git("x", "--- ../x", "+++ ../x", ...change), "path_escape"],
    ["one that is renamed to", "diff --git a/f b/../g\nrename from f\nrename to ../g\n", "path_escape"],
    ["a Git directory", plain(...change).replaceAll("/f", "/sub/.git/hooks/x"), "path_escape"],
    ["a Git directory of another system", plain(...change).replaceAll("/f", "/.GIT/config"), "path_escape"],
    ["a path with an empty name", plain(...change).replaceAll("/f", "/d//f"), "patch_malformed"],
    ["a path with a dot", plain(...change).replaceAll("/f", "/./f"), "patch_malformed"],
    ["a name with NUL", '--- "a/\\000"\n+++ "b/\\000"\n@@ -1 +1 @@\n-x\n+y\n', "patch_malformed"],
    ["quotes that do not end", '--- "a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n', "patch_malformed"],
    ["an unknown escape", '--- "a/\\q"\n+++ "b/\\q"\n@@ -1 +1 @@\n-x\n+y\n', "patch_malformed"],
    ["NUL bytes", plain("@@ -1 +1 @@", "-x", "+\0"), "patch_unsupported"],
    ["what is no text", plain("@@ -1 +1 @@", "-x", "+\ud800"), "patch_malformed"],
    [
      "a symlink",
      git("f", "new file mode 120000", "--- /dev/null", "+++ b/f", "@@ -0,0 +1 @@", "+x"),
      "patch_unsupported",
    ],
    [
      "a change of a symlink",
      git("f", "index 1111..2222 120000", "--- a/f", "+++ b/f", ...change),
      "patch_unsupported",
    ],
    ["a submodule", git("f", "index 1111..2222 160000", "--- a/f", "+++ b/f", ...change), "patch_unsupported"],
    ["set-user-ID", git("f", "old mode 100644", "new mode 104755"), "patch_unsupported"],
    ["any other mode", git("f", "new file mode 100600"), "patch_unsupported"],
    ["a mode that is none", git("f", "new file mode rwx"), "patch_malformed"],
    ["a copy", "diff --git a/f b/g\nsimilarity index 100%\ncopy from f\ncopy to g\n", "patch_unsupported"],
    ["a binary patch", git("f", "index 1111..2222 100644", "GIT binary patch", "literal 1", "x"), "patch_unsupported"],
    ["a binary file", git("f", "index 1111..2222", "Binary files a/f and b/f differ"), "patch_unsupported"],
    ["a binary file in the plain form", "Binary files f and g differ\n", "patch_unsupported"],
    ["other names in its header", git("f", "--- a/g", "+++ b/g", ...change), "patch_malformed"],
    ["half a rename", "diff --git a/f b/g\nrename from f\n", "patch_malformed"],
    ["a rename to itself", git("f", "rename from f", "rename to f"), "patch_malformed"],
    ["a rename that is not one", "diff --git a/f b/g\n--- a/f\n+++ b/g\n@@ -1 +1 @@\n-x\n+y\n", "patch_malformed"],
    ["half a change of mode", git("f", "new mode 100755"), "patch_malformed"],
    ["a mode that does not change", git("f", "old mode 100644", "new mode 100644"), "patch_malformed"],
    ["two modes of the same kind", git("f", "old mode 100644", "old mode 100755"), "patch_malformed"],
    ["a new file that was there", git("f", "new file mode 100644", "--- a/f", "+++ b/f", ...change), "patch_malformed"],
    ["a new file that goes", git("f", "new file mode 100644", "deleted file mode 100644"), "patch_malformed"],
    ["a new file with old lines", git("f", "--- /dev/null", "+++ b/f", ...change), "patch_malformed"],
    ["a deleted file with new lines", git("f", "--- a/f", "+++ /dev/null", ...change), "patch_malformed"],
    ["nothing that changes", git("f", "index 1111..2222 100644"), "patch_malformed"],
    ["a hunk of context alone", plain("@@ -1 +1 @@", " x"), "patch_malformed"],
    ["fewer lines than it says", plain("@@ -1,2 +1 @@", "-x", "+y"), "patch_malformed"],
    ["more lines than it says", plain("@@ -1 +1 @@", "-x", "+y", "+z"), "patch_malformed"],
    ["more lines of one kind", plain("@@ -1,2 +1,2 @@", "-x", "-y", "-z", "+y"), "patch_malformed"],
    ["a thousand million lines", plain("@@ -1,1000000000 +1,1000000000 @@", "-x", "+y"), "patch_malformed"],
    ["counts without end", plain(`@@ -1,${"9".repeat(400)} +1 @@`, "-x", "+y"), "patch_malformed"],
    ["negative counts", plain("@@ -1,-1 +1 @@", "-x", "+y"), "patch_malformed"],
    ["negative lines", plain("@@ --1,1 +1 @@", "-x", "+y"), "patch_malformed"],
    ["lines from zero", plain("@@ -0 +1 @@", "-x", "+y"), "patch_malformed"],
    ["hunks that overlap", plain("@@ -1,2 +1,2 @@", "-x", "+y", " z", "@@ -2 +2 @@", "-z", "+w"), "patch_malformed"],
    ["hunks out of order", plain("@@ -5 +5 @@", "-x", "+y", "@@ -1 +1 @@", "-z", "+w"), "patch_malformed"],
    [
      "a hunk after the end",
      plain("@@ -1 +1 @@", "-x", "+y", "\\ No newline", "@@ -2 +2 @@", "-z", "+w"),
      "patch_malformed",
    ],
    ["a line after the end", plain("@@ -1,2 +1 @@", "-x", "\\ No newline", "-y", "+z"), "patch_malformed"],
    ["a marker of nothing", plain("@@ -1 +1 @@", "\\ No newline", "-x", "+y"), "patch_malformed"],
    ["two markers", plain("@@ -1 +1 @@", "-x", "\\ No newline", "\\ No newline", "+y"), "patch_malformed"],
    ["words between hunks", plain(...change, "and then", "@@ -5 +5 @@", "-x", "+y"), "patch_malformed"],
    ["words after its end", plain(...change, "-- ", "2.39", "", "", "more"), "patch_malformed"],
    ["the same file twice", plain(...change) + plain(...change), "patch_malformed"],
    [
      "a file that is renamed and changed",
      `diff --git a/f b/g\nrename from f\nrename to g\n${plain(...change)}`,
      "patch_malformed",
    ],
    ["a file below a file", git("f", "new file mode 100644") + git("f/g", "new file mode 100644"), "patch_malformed"],
  ])("with %s", (_, patch, code) => {
    expect(codeOf(patch)).toBe(code);
  });

  it("where it is too long, at once", () => {
    const patch = "x".repeat(500_000_000);
    const began = performance.now();
    expect(codeOf(patch)).toBe("too_large");
    expect(codeOf("é".repeat(9_000_000))).toBe("too_large");
    expect(performance.now() - began).toBeLessThan(500);
  });

  it.each([
    [plain(...change, "+z"), "more lines than it says"],
    [plain(...change, "\\ No newline", "\\ No newline"), "more lines than it says"],
    ["--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n", "both files are /dev/null"],
  ])("and says what is wrong with %j", (patch, problem) => {
    expect(() => parsePatch(patch)).toThrowError(problem);
  });

  it("with the line that is wrong", () => {
    expect(() => parsePatch(plain(...change, "oops"))).toThrowError(
      expect.objectContaining({
        message: expect.stringContaining("line 6 of the patch"),
        details: { line: 6, text: "oops" },
      }),
    );
  });
});

describe("a patch that is damaged at random", () => {
  const whole =
    git(
      "f",
      "index 0123..4567 100644",
      "--- a/f",
      "+++ b/f",
      "@@ -1,3 +1,3 @@ f()",
      " a",
      "-x",
      "+y",
      " b",
      "@@ -9 +9 @@",
      "-x",
      "+y",
    ) +
    git(
      "g",
      "new file mode 100755",
      "--- /dev/null",
      '+++ "b/g"',
      "@@ -0,0 +1 @@",
      "+x",
      "\\ No newline at end of file",
    ) +
    "diff --git a/h b/i\nsimilarity index 90%\nrename from h\nrename to i\ndiff -u k k\n" +
    plain(...change).replaceAll("/f", "/k\t1970-01-01 0");
  const pieces = [
    "\n",
    "\r",
    "-",
    "+",
    " ",
    "@@",
    "\\",
    '"',
    "/",
    "..",
    ".git",
    "0",
    "9",
    "a/",
    "--- ",
    "/dev/null",
    "\t",
    "\0",
    "é",
  ];

  it("is read as something or refused with one of four codes", () => {
    const below = seeded(7);
    const codes = new Set<string>();
    expect(parsePatch(whole)).toHaveLength(4);
    for (let round = 0; round < 5_000; round += 1) {
      let patch = whole;
      for (let damages = 1 + below(3); damages > 0; damages -= 1) {
        const at = below(patch.length);
        patch = patch.slice(0, at) + (pieces[below(pieces.length)] ?? "") + patch.slice(at + below(4));
      }
      codes.add(codeOf(patch));
    }
    expect([...codes].sort()).toEqual(["accepted", "patch_malformed", "patch_unsupported", "path_escape"]);
  });
});

describe("a patch takes time in proportion to its length", () => {
  const MIB = 1_048_576;
  /** Time of this process, which what else runs on the machine does not lengthen. */
  const within = (most_ms: number, action: () => void) => {
    const began = process.cpuUsage();
    action();
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1_000).toBeLessThan(most_ms);
  };

  it.each([
    ["one long line", plain("@@ -1 +1 @@", "-x", `+${"y".repeat(10 * MIB)}`), "accepted"],
    [
      "many hunks",
      plain(Array.from({ length: 200_000 }, (_, at) => `@@ -${2 * at + 1} +${2 * at + 1} @@\n-x\n+y`).join("\n")),
      "accepted",
    ],
    [
      "many files",
      Array.from({ length: 100_000 }, (_, at) => git(`f${at}`, "new file mode 100644")).join(""),
      "accepted",
    ],
    ["many names in a header", git(" b/".repeat(20_000), "new file mode 100644").repeat(100), "patch_malformed"],
    ["many quotes in a header", `diff --git ${' "b/\\"'.repeat(10_000)}\n`.repeat(100), "patch_malformed"],
    ["a long header", `--- "a/${"\\000".repeat(2 * MIB)}"\n`, "patch_malformed"],
    ["a long opening", "x\n".repeat(4 * MIB), "patch_malformed"],
  ])("with %s", (_, patch, code) => within(2_000, () => expect(codeOf(patch)).toBe(code)));
});
