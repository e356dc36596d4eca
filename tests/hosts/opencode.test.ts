/** The real OpenCode, with workspaces on real virtual machines. */
import { hostScenarios } from "./host-scenarios.ts";
import { openCode } from "./support/chat-hosts.ts";

await hostScenarios(openCode);
