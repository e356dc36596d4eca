/** Output on its way to a sink: in order, held back no longer than it has to be, and never in the way of an end. */
import { describe, expect, it } from "vitest";
import { RedactedOutput } from "./redacted-output.ts";
import { Redactor } from "./redactor.ts";

const redactor = new Redactor([Buffer.from("secret-value")]);

/** Collects what comes; `until` resolves when there is that much of it. */
function sink() {
  const heard: string[] = [];
  let wake = () => {};
  return {
    heard,
    take: (kind: string, data: Buffer) => {
      heard.push(`${kind}: ${data}`);
      wake();
    },
    until: async (count: number) => {
      while (heard.length < count)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    },
  };
}

describe("redacted output", () => {
  it("comes at once, and the few bytes that wait when it pauses", async () => {
    const { heard, take, until } = sink();
    const output = new RedactedOutput(redactor, take);
    await output.take("stdout", Buffer.from("prompt> sec"));
    expect(heard).toEqual(["stdout: prompt> "]);
    await until(2);
    expect(heard[1]).toBe("stdout: sec");
    await output.take("stdout", Buffer.from("ret-value!"));
    await output.end();
    expect(heard.slice(2)).toEqual(["stdout: [REDACTED]!"]);
  });

  it("is told apart by stream", async () => {
    const { heard, take } = sink();
    const output = new RedactedOutput(redactor, take);
    await output.take("stdout", Buffer.from("secret-"));
    await output.take("stderr", Buffer.from("value"));
    await output.take("stdout", Buffer.from("value"));
    await output.end();
    expect(heard).toEqual(["stderr: value", "stdout: [REDACTED]"]);
  });

  it("that nobody takes keeps no end from coming", async () => {
    const heard: string[] = [];
    const output = new RedactedOutput(redactor, (_, data) => {
      heard.push(String(data));
      return new Promise<void>(() => {});
    });
    void output.take("stdout", Buffer.from("begun s"));
    await expect.poll(() => heard).toEqual(["begun "]);
    output.abandon();
    expect(heard).toEqual(["begun ", "s"]);
  });

  it("tells whoever comes next that the sink fails", async () => {
    let fails = false;
    const output = new RedactedOutput(redactor, () => {
      if (fails) throw new Error("full");
    });
    await output.take("stdout", Buffer.from("s"));
    fails = true;
    await expect(output.end()).rejects.toThrow("full");
  });
});
