import { defineConfig } from "tsdown";

/** One file per entry, so that a start reads few files; what a command does not need is not loaded. */
export default defineConfig({
  entry: {
    cli: "src/cli/main.ts",
    sdk: "src/sdk/index.ts",
    mcp: "src/mcp/main.ts",
    keeper: "src/keeper/process.ts",
    "tools/run-tests": "tools/run-tests.ts",
    "tools/run-host-tests": "tools/run-host-tests.ts",
    "tools/generate": "tools/generate.ts",
    "tools/publish-environments": "tools/publish-environments.ts",
    "bench/main": "bench/main.ts",
  },
  define: { PYRO_FAILPOINTS: "undefined" },
  format: "esm",
  platform: "node",
  target: "node20.19",
  outDir: "dist",
  clean: false,
  dts: false,
  minify: false,
  outputOptions: { chunkFileNames: "chunks/[name].js" },
  outExtensions: () => ({ js: ".js" }),
  deps: { alwaysBundle: [/.*/] },
});
