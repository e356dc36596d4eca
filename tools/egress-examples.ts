/** Examples of the messages on connections to other machines. */
import type { Examples } from "./protocol-examples.ts";

const LARGEST_ID = 4_294_967_295;
const longest = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;

export const egressExamples: Pick<Examples, Extract<keyof Examples, `egress.${string}` | `tunnel.${string}`>> = {
  "egress.params": [{}],
  "egress.event": [
    { event: "ready" },
    { event: "lookup", id: 1, name: "registry.npmjs.org" },
    { event: "lookup", id: LARGEST_ID, name: longest },
    { event: "lookup", id: 2, name: { base64: "/2V4YW1wbGU=" } },
    { event: "lookup", id: 3, name: "evil.com\u0000.github.com" },
    { event: "open", id: 4, host: "github.com", port: 443, pid: 137 },
    { event: "open", id: 5, host: "2001:db8::1", port: 65_535, pid: null },
    { event: "open", id: 6, host: { base64: "/w==" }, port: 1, pid: LARGEST_ID },
  ],
  "egress.answer": [
    { answer: "lookup", id: 1, verdict: "allowed" },
    { answer: "lookup", id: LARGEST_ID, verdict: "refused" },
    { answer: "open", id: 4, verdict: "refused" },
  ],
  "tunnel.params": [{ id: 1 }, { id: LARGEST_ID }],
  "tunnel.event": [{ event: "connected" }],
};
