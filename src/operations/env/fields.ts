/** Output fields that the environment operations share. */
import { z } from "zod";

const digest = z.string().describe("Digest of the image's manifest, which pins it whatever becomes of its tag");

const source = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("debian-archive").describe("Built from the signed Debian archive"),
      suite: z.string().describe("Debian suite"),
      mirror: z.string().describe("Base address of the archive"),
    }),
    z.strictObject({
      kind: z.literal("registry").describe("Pulled from a registry"),
      reference: z.string().describe("Full name of the image"),
      served_by: z.string().describe("Address of the registry or mirror that had it"),
      digest,
    }),
    z.strictObject({
      kind: z.literal("image-archive").describe("Made of an image in a file or directory"),
      path: z.string().describe("Where that was"),
      digest,
    }),
  ])
  .describe("Where it came from");

export const environmentFields = {
  name: z.string().describe("Name of the environment"),
  description: z.string().describe("What it is for"),
  installed: z.boolean().describe("It is in the local cache, whole"),
  digest: z.string().nullable().describe("SHA-256 of its root image"),
  size_bytes: z.int().nullable().describe("Size of its root image in bytes"),
  source: source.nullable().describe("Where it came from"),
  created_at: z.string().nullable().describe("When it was built"),
};

/** What an image says of itself: shown, and not followed. */
export const imageFields = z
  .strictObject({
    digest,
    index_digest: z.string().nullable().describe("Digest of the index that led to it; null where there was none"),
    layers: z
      .array(
        z.strictObject({
          digest: z.string().describe("Digest of the layer as it is transferred"),
          size_bytes: z.int().describe("Size of the layer as it is transferred"),
          media_type: z.string().describe("What kind of archive it is"),
          diff_id: z.string().describe("Digest of the archive inside"),
        }),
      )
      .describe("Its layers, lowest first"),
    user: z.string().describe("User that it wants to be run as; commands run as root"),
    working_dir: z.string().describe("Directory that it wants to be run in; commands run in /workspace"),
    entrypoint: z.array(z.string()).describe("Program that it wants to be run by; commands are run as they are given"),
    cmd: z.array(z.string()).describe("Command that it runs where none is given"),
    labels: z.record(z.string(), z.string()).describe("Labels"),
    exposed_ports: z.array(z.string()).describe("Ports that its programs listen on"),
    created: z.string().nullable().describe("When it was made"),
  })
  .nullable()
  .describe("What its image says of itself, beside its variables; null where it was built from the archive");
