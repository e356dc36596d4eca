/** The origin of a template that nothing was made from. */
import type { TemplateOrigin } from "../../src/vmm/template-origin.ts";

export const origin: TemplateOrigin = {
  environment: "debian:12",
  environment_digest: "sha256:e",
  kernel: "sha256:k",
  agent: "a",
  vmm: "1:2:3:4:5",
  cpu: "",
  machine: "m",
  acceleration: "tcg",
  vcpu_count: 1,
  mem_mib: 1024,
};
