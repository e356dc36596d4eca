/** The real Claude Code, with workspaces on real virtual machines. */
import { hostScenarios } from "./host-scenarios.ts";
import { claudeCode } from "./support/chat-hosts.ts";

await hostScenarios(claudeCode);
