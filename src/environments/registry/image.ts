/** An image as a registry describes it, checked and for linux/amd64. */

export type Compression = "none" | "gzip" | "zstd";

export interface ImageLayer {
  /** Of the blob, as it is transferred */
  readonly digest: string;
  readonly size_bytes: number;
  readonly media_type: string;
  readonly compression: Compression;
  /** Of the tar archive inside, which the image's own configuration promises */
  readonly diff_id: string;
}

/** What an image says about how it wants to be run; data, none of which is followed on the host. */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly working_dir: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly exposed_ports: readonly string[];
  readonly created: string | null;
  readonly architecture: string;
  readonly os: string;
}

export interface ResolvedImage {
  /** Full name that was asked for */
  readonly reference: string;
  /** Of the manifest for linux/amd64 */
  readonly digest: string;
  /** Of the index that led to it; null where the name is of a single image */
  readonly index_digest: string | null;
  readonly config: ImageConfig;
  readonly config_digest: string;
  /** Lowest first; the same blob may be there more than once */
  readonly layers: readonly ImageLayer[];
  /** Address of the registry or mirror that answered */
  readonly served_by: string;
}
