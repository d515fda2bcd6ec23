#!/usr/bin/env python3
"""list.py [--no-xattrs] [--links] FOLDER lists a tree, a line for each file, with tabs between:
st_mode, uid, gid, links, device, size, time, the first name of the same inode, SHA-256 or target, attributes, name.
Attributes are name=hex, those above 64 bytes name=SHA-256. Names are spelled with %XX. The links of
a folder are those that mksquashfs gives it, whatever the file system that it lies in does, unless --links."""
import errno, hashlib, os, re, stat, sys


def spell(raw):
    return "".join(chr(c) if re.match(rb"[A-Za-z0-9._/+@-]", bytes([c])) else "%%%02X" % c for c in raw)


def attributes(path):
    out = []
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as e:
        if e.errno != errno.ENOTSUP:  # a file system without any
            raise
        names = []
    for name in sorted(names):
        value = os.getxattr(path, name, follow_symlinks=False)
        out.append(name + "=" + (value.hex() if len(value) <= 64 else hashlib.sha256(value).hexdigest()))
    return ",".join(out) or "-"


top = os.fsencode(sys.argv[-1])
names = [b"."]
for folder, folders, files in os.walk(top):
    names += [os.path.relpath(os.path.join(folder, n), top) for n in folders + files]
first = {}
for name in sorted(names, key=lambda n: n if n != b"." else b""):
    path = os.path.join(top, name)
    st = os.lstat(path)
    links, size, what = st.st_nlink, st.st_size, "-"
    if stat.S_ISDIR(st.st_mode):
        size = 0
        if "--links" not in sys.argv:
            links = 2 + sum(e.is_dir(follow_symlinks=False) for e in os.scandir(path))
    elif stat.S_ISREG(st.st_mode):
        what = hashlib.sha256(open(path, "rb").read()).hexdigest()
    elif stat.S_ISLNK(st.st_mode):
        what = spell(os.readlink(path))
    print("%o" % st.st_mode, st.st_uid, st.st_gid, links, "%d:%d" % (os.major(st.st_rdev), os.minor(st.st_rdev)), size,
          int(st.st_mtime), spell(first.setdefault(st.st_ino, name)), what,
          "-" if "--no-xattrs" in sys.argv else attributes(path), spell(name), sep="\t")
