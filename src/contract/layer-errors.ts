/** Rows of the error table: layers of images, and files that images come in. */
import type { ErrorRow } from "./error-row.ts";

export const layerErrors = {
  image_empty: {
    kind: "conflict",
    meaning: "An image has no layers, so that there is nothing to make a root of",
    hint: "Use an image with a root file system, such as debian:12",
  },
  layer_invalid: {
    kind: "conflict",
    meaning: "A layer of an image contradicts its format, or cannot be part of a root file system",
    hint: "Have the image built anew, or use another one",
  },
  layer_mismatch: {
    kind: "host",
    meaning: "A layer or document of an image is not what its digest says",
    hint: "Pull or save the image anew",
  },
  layer_truncated: {
    kind: "host",
    meaning: "A layer of an image ends before its end",
    hint: "Pull or save the image anew",
  },
  image_too_large: {
    kind: "conflict",
    meaning: "An image is beyond a limit on bytes, entries, names or layers",
    hint: "Use a smaller image",
  },
  image_archive_not_found: {
    kind: "missing",
    meaning: "There is no OCI layout or docker save archive at the path, or it cannot be read",
    hint: "Check the path and its permissions",
  },
  image_archive_invalid: {
    kind: "conflict",
    meaning: "A file or directory is neither an OCI layout nor an archive of docker save, or contradicts itself",
    hint: "Make it anew with: docker save --output FILE IMAGE, or skopeo copy docker://IMAGE oci-archive:FILE",
  },
  image_archive_unsuitable: {
    kind: "conflict",
    meaning: "An OCI layout or docker save archive has no single image for linux/amd64",
    hint: "Save one image alone, for linux/amd64",
  },
  image_name_unclear: {
    kind: "usage",
    meaning: "An OCI layout or docker save archive has no name for its image, or several, and none was given",
    hint: "pyro env pull NAME --from-archive FILE",
  },
} as const satisfies Record<string, ErrorRow>;
