/** The test suites, from milliseconds to minutes: unit, contract, scenarios on the fake machine, real VMs, and real chat hosts. */
import { defineConfig } from "vitest/config";
import { patience } from "./tests/support/patience.ts";

export default defineConfig({
  test: {
    // Children die with the thread that started them, so tests run in processes, never in worker threads.
    pool: "forks",
    // No test waits for a registry of the world's; those that want one have one of their own.
    env: { PYRO_ENVIRONMENT_SOURCE: "archive" },
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["src/**/*.test.ts"], isolate: false, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: "contract",
          include: ["tests/contract/**/*.test.ts"],
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "scenarios",
          include: ["tests/scenarios/**/*.test.ts"],
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "vm",
          include: ["tests/vm/**/*.test.ts"],
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          testTimeout: 180_000 * patience,
          hookTimeout: 180_000 * patience,
        },
      },
      {
        extends: true,
        test: {
          name: "hosts",
          include: ["tests/hosts/**/*.test.ts"],
          sequence: { groupOrder: 3 },
          fileParallelism: false,
          testTimeout: 180_000 * patience,
          hookTimeout: 180_000 * patience,
        },
      },
    ],
  },
});
