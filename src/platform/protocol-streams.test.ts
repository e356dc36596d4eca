/** Lines of a protocol: whole, in order, and none longer than it may be. */
import { expect, it } from "vitest";
import { WholeLines } from "./protocol-streams.ts";

async function pass(chunks: readonly string[], max_bytes = 10): Promise<{ lines: string[]; long: string[] }> {
  const long: string[] = [];
  const stream = new WholeLines(max_bytes, (tail) => void long.push(tail));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  const lines: string[] = [];
  for await (const line of stream) lines.push(String(line));
  return { lines, long };
}

it("come out one by one, however they went in", async () => {
  expect(await pass(["a\nb\nc", "d\n", "\n"])).toEqual({ lines: ["a\n", "b\n", "cd\n", "\n"], long: [] });
});

it("are left out where they are too long, and told of by their ends", async () => {
  const { lines, long } = await pass(["before\n", "x".repeat(500), '"id":7}', "\nafter\n"]);
  expect(lines).toEqual(["before\n", "after\n"]);
  expect(long).toEqual([expect.stringMatching(/^x+"id":7\}\n$/)]);
});

it("that have no end are no lines", async () => {
  expect(await pass(["a\nrest"])).toEqual({ lines: ["a\n"], long: [] });
});
