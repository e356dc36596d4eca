/** How much longer than usual a test takes in its stride: more than 1 where all is slow, as in the machine of `make test-kvm`. */
export const patience = Number(process.env["PYRO_TEST_PATIENCE"] ?? 1);
