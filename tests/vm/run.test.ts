/** The scenarios of `run` on real virtual machines. */
import { Pyro } from "../../src/sdk/index.ts";
import { runScenarios } from "../scenarios/run-scenarios.ts";

const pyro = new Pyro();
const doctor = await pyro.doctor();

runScenarios("run on a virtual machine", () => ({
  pyro,
  environment: "debian:12",
  execution_mode: doctor.execution_mode ?? "guest_emulated",
}));
