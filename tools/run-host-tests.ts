/** Runs the tests with the real chat hosts, all or those of the named files, and closes with a line of counts. */
import { closeWith, vitest } from "./test-counts.ts";

closeWith([vitest(["hosts"], process.argv.slice(2))]);
