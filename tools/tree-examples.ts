/** Examples of the messages of the methods on trees of files. */
import type { WireStat } from "../src/wire/tree-messages.ts";
import type { Examples } from "./protocol-examples.ts";

const LARGEST_COUNT = Number.MAX_SAFE_INTEGER;
const LARGEST_I64 = "9223372036854775807";
const SMALLEST_I64 = "-9223372036854775808";
const LARGEST_U64 = "18446744073709551615";
/** A name that is allowed, with what JSON escapes or passes through. */
const oddName = '-quote " backslash \\ tab \t newline \n escape \u001b é 漢 🦀. ';
/** The byte 0xff, which is no UTF-8. */
const rawName = { base64: "/w==" };

const file: WireStat = {
  kind: "file",
  mode: 0o644,
  size_bytes: 12,
  mtime_ns: "1790000000123456789",
  ctime_ns: "1790000000123456789",
  inode: "131",
  link_target: null,
};
const largest: WireStat = {
  kind: "other",
  mode: 0o7777,
  size_bytes: LARGEST_COUNT,
  mtime_ns: LARGEST_I64,
  ctime_ns: SMALLEST_I64,
  inode: LARGEST_U64,
  link_target: null,
};

export const treeExamples: Pick<
  Examples,
  "walk.request" | "walk.event" | "read.request" | "read.event" | "write.params" | "write.item" | "write.response"
> = {
  "walk.request": [
    { root: "/workspace", path: "", recursive: true, max_entries: 1_000_000, after: null, known: null },
    { root: "/workspace", path: rawName, recursive: false, max_entries: 0, after: rawName, known: [] },
    {
      root: "/workspace",
      path: oddName,
      recursive: false,
      max_entries: LARGEST_COUNT,
      after: oddName,
      known: [
        { path: "", digest: "0" },
        { path: rawName, digest: "18446744073709551615" },
      ],
    },
  ],
  "walk.event": [
    {
      event: "entries",
      entries: [
        { path: "a", stat: file },
        { path: oddName, stat: { ...file, kind: "symlink", link_target: rawName } },
        { path: rawName, stat: largest },
      ],
    },
    { event: "same", path: "", count: 0 },
    { event: "same", path: rawName, count: LARGEST_COUNT },
    { event: "digest", path: "", digest: "0" },
    { event: "digest", path: rawName, digest: "18446744073709551615" },
    { event: "ended", count: 2, cut: false, unlisted: 0 },
    { event: "ended", count: LARGEST_COUNT, cut: true, unlisted: LARGEST_COUNT },
  ],
  "read.request": [
    { root: "/workspace", paths: ["a", oddName, rawName], max_bytes: null, offset: 0, follow: false },
    { root: "/workspace", paths: [], max_bytes: 65_536, offset: LARGEST_COUNT, follow: true },
  ],
  "read.event": [
    { event: "entry", index: 0, stat: file },
    { event: "entry", index: 4095, stat: largest },
    { event: "ended", index: 0, bytes: 12, changed: false },
    { event: "ended", index: 4095, bytes: LARGEST_COUNT, changed: true },
    { event: "failed", index: 1, bytes: 0, code: "path_not_found", errno: 2 },
    { event: "failed", index: 1, bytes: 7, code: "internal", errno: null },
  ],
  "write.params": [
    { root: "/workspace", dest: "", replace: true },
    { root: "/workspace", dest: rawName, replace: false },
  ],
  "write.item": [
    { item: "entry", path: "a", kind: "file", mode: 0o644, size_bytes: 12, link_target: null, expect: null },
    {
      item: "entry",
      path: oddName,
      kind: "symlink",
      mode: 0o777,
      size_bytes: 0,
      link_target: rawName,
      expect: { state: "absent" },
    },
    {
      item: "entry",
      path: rawName,
      kind: "delete",
      mode: 0,
      size_bytes: 0,
      link_target: null,
      expect: {
        state: "present",
        kind: "file",
        size_bytes: LARGEST_COUNT,
        mtime_ns: SMALLEST_I64,
        ctime_ns: LARGEST_I64,
        inode: LARGEST_U64,
      },
    },
    {
      item: "entry",
      path: "d",
      kind: "directory",
      mode: 0o7777,
      size_bytes: 0,
      link_target: null,
      expect: null,
    },
    { item: "commit" },
  ],
  "write.response": [
    { entries: 2, bytes: 12 },
    { entries: LARGEST_COUNT, bytes: LARGEST_COUNT },
  ],
};
