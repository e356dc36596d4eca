/** Who may import whom, as data; the same table as in the contributors' guide. */

interface Layer {
  /** Folders and files of ours that it may import, beside itself; `types of` permits `import type` alone */
  readonly may: readonly string[];
  /** npm packages it may import */
  readonly packages: readonly string[];
}

const engineParts = ["contract", "platform", "store", "wire", "vmm", "environments", "network", "workspaces", "keeper"];
const surface: Layer = { may: ["contract", "operations", "engine.ts", "platform"], packages: ["zod"] };

/** Folders of `src/`, and the files that lie directly in it. `version.ts` is open to all. */
export const layers: Readonly<Record<string, Layer>> = {
  platform: { may: ["contract"], packages: ["zod"] },
  contract: { may: [], packages: ["zod"] },
  store: { may: ["contract", "platform"], packages: ["zod"] },
  wire: { may: ["contract", "platform"], packages: ["zod"] },
  vmm: { may: ["contract", "platform", "store"], packages: ["zod"] },
  environments: { may: ["contract", "platform", "store", "network"], packages: ["zod", "tar-stream"] },
  network: { may: ["contract", "platform", "store"], packages: ["zod"] },
  workspaces: {
    may: ["contract", "platform", "store", "wire", "vmm", "environments", "network"],
    packages: ["zod", "@xterm/headless"],
  },
  keeper: { may: engineParts, packages: ["zod"] },
  operations: { may: ["contract", "types of engine.ts"], packages: ["zod"] },
  "engine.ts": { may: [...engineParts, "operations"], packages: [] },
  "version.ts": { may: ["../package.json"], packages: [] },
  // The command starts the server, and programs get it from the SDK; both load it when it is asked for.
  cli: { may: [...surface.may, "mcp"], packages: ["zod", "commander"] },
  sdk: { ...surface, may: [...surface.may, "mcp"] },
  // It names the directory that exports go to, and keeps its token beside that.
  mcp: { may: [...surface.may, "store"], packages: ["zod", "@modelcontextprotocol/server"] },
  hosts: surface,
};

/** Folders that nothing imports which the table does not name. */
export const surfaces: readonly string[] = ["cli", "sdk", "mcp", "hosts"];

/** Built-in modules that reach the host; only `platform` has them. */
export const builtinsOfPlatformAlone = "node:fs, node:child_process, node:net and whatever else reaches the host";

/** Built-in modules that compute or carry bytes, open to every folder but `contract`, which has no I/O. */
export const harmlessBuiltins: readonly string[] = [
  "node:crypto",
  "node:events",
  "node:http2",
  "node:os",
  "node:path",
  "node:readline",
  "node:stream",
  "node:stream/promises",
  "node:string_decoder",
  "node:timers/promises",
  "node:url",
  "node:util",
  "node:zlib",
];
