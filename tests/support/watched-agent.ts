/** The client of a real agent, whose calls are told of before they are made. */
import type { AgentClient } from "../../src/wire/client.ts";

/** The same client; `tell` gets the method of each call, such as `read`. */
export function watchedAgent(agent: AgentClient, tell: (method: string) => void): AgentClient {
  return new Proxy(agent, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        tell(String(args[0]));
        return Reflect.apply(value, target, args);
      };
    },
  });
}
