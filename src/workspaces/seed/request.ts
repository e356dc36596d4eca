/** What a workspace is to begin with, as its keeper is told. */
import type { RepositoryRequest } from "../repository/repo-seed.ts";

export type SeedRequest =
  | {
      readonly kind: "path";
      /** Absolute host path of a directory or archive */
      readonly path: string;
    }
  | ({ readonly kind: "repository" } & RepositoryRequest);
