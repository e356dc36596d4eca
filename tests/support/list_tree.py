"""Lists a tree as JSON, one entry a line: what each path is, down to its attributes; names as in Python's surrogateescape."""

import hashlib
import json
import os
import stat
import sys

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFSOCK: "socket",
}


def digest(path):
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            sha256.update(chunk)
    return sha256.hexdigest()


def describe(path, name, firsts):
    found = os.lstat(path)
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    entry = {
        "path": name,
        "kind": kind,
        "mode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "mtime": int(found.st_mtime),
        "xattrs": {key: os.getxattr(path, key, follow_symlinks=False).hex()
                   for key in sorted(os.listxattr(path, follow_symlinks=False))},
    }
    if kind != "directory":
        # Names of one inode carry the first of them, in the order of the walk.
        entry["same_as"] = firsts.setdefault(found.st_ino, name)
    if kind == "file":
        entry["size"] = found.st_size
        entry["sha256"] = digest(path)
    if kind == "symlink":
        entry["target"] = os.readlink(path)
    if kind in ("character", "block"):
        entry["device"] = [os.major(found.st_rdev), os.minor(found.st_rdev)]
    return entry


def main(root):
    firsts = {}
    names = [""]
    for top, directories, files in os.walk(root):
        inner = os.path.relpath(top, root)
        for name in directories + files:
            names.append(name if inner == "." else os.path.join(inner, name))
    for name in sorted(names):
        print(json.dumps(describe(os.path.join(root, name), name, firsts)))


main(sys.argv[1])
