/** The end of a machine as an error. */
import { PyroError } from "../contract/errors.ts";
import { type MachineEnd, wasReset } from "../vmm/machine.ts";

/** Why a machine is gone that should not be. */
export function lossOf(end: MachineEnd, cause?: PyroError): PyroError {
  const what = {
    killed: "The virtual machine was killed",
    guest_panic: "The guest's kernel panicked",
    guest_exit: wasReset(end)
      ? "The guest's CPU was reset, as by a reboot or after a triple fault"
      : "The guest powered itself off",
    vmm_failed: "The virtual machine monitor failed",
  }[end.reason];
  return new PyroError("guest_lost", what, { details: { ...end }, cause });
}
