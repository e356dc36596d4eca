/** The scenarios of `run` on the fake machine. */
import { createEngine } from "../../src/engine.ts";
import { methodsOver } from "../../src/sdk/pyro.ts";
import { fakeSource } from "../support/fake-machine.ts";
import { runScenarios } from "./run-scenarios.ts";

const pyro = methodsOver(createEngine({ guests: fakeSource, hostCages: fakeSource }));

runScenarios("run on the fake machine", () => ({ pyro, environment: "debian:12", execution_mode: "guest_emulated" }));
