/** The secrets of a workspace while it is in use: sealed when it is created, opened when they are needed first. */
import type { StatePaths } from "../../store/paths.ts";
import type { WorkspaceRecord } from "../../store/workspace-record.ts";
import { type SealedPlace, type Secret, sealSecrets, unsealSecrets } from "./sealed.ts";
import { noSecrets, Secrets } from "./secrets.ts";

export class KeptSecrets {
  readonly #place: SealedPlace;
  readonly #names: readonly string[];
  #secrets: Secrets | undefined;

  constructor(paths: StatePaths, { workspace_id, secrets }: Pick<WorkspaceRecord, "workspace_id" | "secrets">) {
    this.#place = { paths, workspace_id };
    this.#names = secrets.map(({ name }) => name);
    if (secrets.length === 0) this.#secrets = noSecrets;
  }

  /** Those that are known by now; none before they were sealed or opened. */
  get known(): Secrets {
    return this.#secrets ?? noSecrets;
  }

  /** Writes them down, for this keeper and all later ones. */
  seal(secrets: readonly Secret[]): void {
    if (secrets.length === 0) return;
    sealSecrets(this.#place, secrets);
    this.#secrets = new Secrets(secrets);
  }

  /** All of them. Throws `secrets_unreadable`: a machine is never begun without. */
  open(): Secrets {
    this.#secrets ??= new Secrets(unsealSecrets(this.#place, this.#names));
    return this.#secrets;
  }
}
