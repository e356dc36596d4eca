/** Rows of the error table: trees of files that are read, written, seeded, pushed or exported. */
import type { ErrorRow } from "./error-row.ts";

export const treeErrors = {
  seed_not_found: {
    kind: "missing",
    meaning: "There is nothing at the path to seed or push from",
    hint: "Check the path",
  },
  seed_unreadable: {
    kind: "host",
    meaning: "What to seed or push from cannot be read",
    hint: "Check the permissions of the path",
  },
  path_escape: {
    kind: "conflict",
    meaning: "A path, or an entry of a tree or archive, leads out of the tree it belongs to",
    hint: "Name a path that stays inside; do not trust a tree whose entries lead out of it",
  },
  unsupported_type: {
    kind: "conflict",
    meaning:
      "A tree or archive holds something that is neither file, directory nor symlink, or is itself of a kind that pyro does not read",
    hint: "Use a directory, or an archive made with: tar --hard-dereference -czf seed.tar.gz DIRECTORY",
  },
  archive_inconsistent: {
    kind: "conflict",
    meaning: "An archive contradicts itself or the tar format",
    hint: "Make the archive anew",
  },
  archive_truncated: {
    kind: "conflict",
    meaning: "An archive ends before its end",
    hint: "Fetch or make the archive anew",
  },
  duplicate_entry: {
    kind: "conflict",
    meaning: "A tree, archive or upload holds the same path twice",
    hint: "Leave one of them out",
  },
  tree_inconsistent: {
    kind: "conflict",
    meaning: "The entries of a tree or archive do not fit together",
    hint: "Make the archive anew",
  },
  too_large: {
    kind: "conflict",
    meaning: "A tree or archive is beyond a limit on bytes, entries, depth or length of names",
    hint: "Leave out what is not needed",
  },
  length_mismatch: {
    kind: "guest",
    meaning: "A file was sent with more or fewer bytes than announced",
    hint: "Treat what ran in the workspace as hostile",
  },
  name_collision: {
    kind: "host",
    meaning: "Two names of a tree are the same file on the host's file system",
    hint: "Write to a file system that tells upper case from lower case",
  },
  name_reserved: {
    kind: "host",
    meaning: "A name of a tree cannot be given on the host's file system",
    hint: "Write to a file system of Linux's own",
  },
  output_exists: {
    kind: "conflict",
    meaning: "There is something at the path to write to",
    hint: "Give another path, or --force to replace it",
  },
  output_not_writable: {
    kind: "host",
    meaning: "The directory to write to does not exist or cannot be written",
    hint: "Give a path in a directory you own",
  },
  baseline_damaged: {
    kind: "host",
    meaning: "The host's copy of what a workspace was seeded with is not whole",
    hint: "Export what you need, then create the workspace anew",
  },
  path_not_found: {
    kind: "missing",
    meaning: "There is nothing at that path of the workspace",
    hint: "Look at the directory above it",
  },
  path_not_directory: {
    kind: "conflict",
    meaning: "A path leads through something that is not a directory",
    hint: "Look at what is there",
  },
  path_too_long: {
    kind: "usage",
    meaning: "A path, or a name in it, is longer than Linux takes",
    hint: "Shorten it",
  },
  path_exists: {
    kind: "conflict",
    meaning: "Something is at that path already and is not to be replaced",
    hint: "Choose another path, or delete what is there first",
  },
  path_changed: {
    kind: "conflict",
    meaning: "What is at that path is not what it was, so nothing was written",
    hint: "Read it again, then repeat the change",
  },
  dest_not_directory: {
    kind: "conflict",
    meaning: "A directory is to be written where something else is, and nothing was written",
    hint: "Choose another destination, or delete what is there first",
  },
  is_a_directory: {
    kind: "conflict",
    meaning: "A file is to be written where a directory is, and nothing was written",
    hint: "Choose another path, or delete the directory first",
  },
  directory_not_empty: {
    kind: "conflict",
    meaning: "A directory that is to be deleted has something in it",
    hint: "Delete what is in it first",
  },
  patch_malformed: {
    kind: "usage",
    meaning: "A patch is not a unified diff, or contradicts itself, and nothing was written",
    hint: "Make the patch anew with git diff or diff -u, with three lines of context",
  },
  patch_unsupported: {
    kind: "usage",
    meaning: "A patch does what is not applied to a workspace: copies, symlinks, submodules, other modes, binary files",
    hint: "Leave it out of the patch, and make the change with a command in the workspace",
  },
  patch_does_not_fit: {
    kind: "conflict",
    meaning: "A file of the workspace is not what a patch begins with, and nothing was written",
    hint: "Read the file again and make the patch anew",
  },
  patch_already_applied: {
    kind: "conflict",
    meaning: "Every file of the workspace is what the patch would make of it",
    hint: "Nothing is left to do",
  },
  guest_disk_full: {
    kind: "guest",
    meaning: "The workspace's disk is full, and nothing was written",
    hint: "Delete something in the workspace",
  },
} as const satisfies Record<string, ErrorRow>;
