/** A certificate for names of a test's own, which nobody knows who is not told. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** Makes one, signed by itself. */
export function certificateFor(...names: readonly string[]): Certificate {
  const scratch = mkdtempSync(join(tmpdir(), "pyro-certificate-"));
  const [key, cert] = [join(scratch, "key"), join(scratch, "cert")];
  const subject = ["-subj", `/CN=${names[0]}`, "-addext", `subjectAltName=${names.map((name) => `DNS:${name}`)}`];
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert];
  try {
    execFileSync("openssl", ["req", "-x509", ...made, ...subject, "-days", "2"], { stdio: "ignore" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
