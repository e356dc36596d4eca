/** The keeper's own process, on this user's workspaces. */
import { hostOf } from "./host.ts";
import { keep } from "./keep.ts";

await keep(hostOf(process.env), process.argv[2] ?? "");
