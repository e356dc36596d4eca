/** What lies in the directory of a workspace's services, which is in its history: a record of each, and what they print. */
import { join } from "node:path";

export interface ServicePaths {
  readonly directory: string;
  /** Records by the names of the services */
  readonly records: string;
  record(name: string): string;
  /** A history with two logs for each start: one of standard output, one of standard error */
  readonly output: string;
}

/** Its names in a history's directory. */
export function servicePaths(history: string): ServicePaths {
  const directory = join(history, "services");
  const records = join(directory, "records");
  return { directory, records, record: (name) => join(records, `${name}.json`), output: join(directory, "output") };
}

/** The service that a file in the directory of records is about; undefined where it is no name of ours. */
export function serviceOfFile(file: string): string | undefined {
  return /^([A-Za-z0-9][A-Za-z0-9._-]{0,62})\.json$/.exec(file)?.[1];
}
