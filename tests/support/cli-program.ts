/** The command line as a program of its own, from source. */
import { main } from "../../src/cli/main.ts";

await main(process.argv.slice(2));
