/** What long work tells its caller while it runs: data that each surface renders. */

/** One step of long work. `done` and `total` are in `unit`; `total` is absent where it is not known. */
export interface ProgressEvent {
  readonly type: "progress";
  readonly stage: string;
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
  readonly unit?: "bytes" | "packages" | "files";
  /** Of a download: layers that are there whole, of how many */
  readonly layers_done?: number;
  readonly layers_total?: number;
  readonly bytes_per_second?: number;
  readonly seconds_left?: number;
}

/** Something a person should know that is not an error. */
export interface WarningEvent {
  readonly type: "warning";
  readonly message: string;
}

/** Something worth keeping in sight after long work, such as what the next call will cost. */
export interface NoticeEvent {
  readonly type: "notice";
  readonly message: string;
}

/** Bytes that a guest command printed. */
export interface OutputEvent {
  readonly type: "stdout" | "stderr";
  readonly data: Uint8Array;
}

export type OperationEvent = ProgressEvent | NoticeEvent | WarningEvent | OutputEvent;

/** Receives events; what it returns is awaited before more output is read, which is how a slow reader holds the guest back. */
export type Emit = (event: OperationEvent) => void | Promise<void>;
