#!/usr/bin/env python3
"""Lists what a mounted file system has: manifest.py DIR. A line has, with tabs between: name,
st_mode, uid, gid, links, inode, size, st_mtime in ns, device, FS_IOC_GETFLAGS, contents, attributes.
Contents are a SHA-256, the target of a link, or of large files those of the ranges that hold data."""
import errno, fcntl, hashlib, os, stat, struct, sys
from urllib.parse import quote

root = os.fsencode(sys.argv[1])


def spell(b):
    return quote(b, safe="/._-~") or "-"


def contents(name, st):
    try:
        with open(name, "rb", buffering=0) as f:
            flags = struct.unpack("i", fcntl.ioctl(f, 0x80086601, b"\0" * 8)[:4])[0] & 0xFFFFFFFF
            if stat.S_ISDIR(st.st_mode):
                return flags, "-"
            if st.st_size <= 64 << 20:
                h = hashlib.sha256()
                while p := f.read(1 << 20):
                    h.update(p)
                return flags, h.hexdigest()
            ranges, at = [], 0
            while True:
                try:
                    at = os.lseek(f.fileno(), at, os.SEEK_DATA)
                except OSError as e:
                    if e.errno != errno.ENXIO:
                        raise
                    return flags, ",".join(ranges)
                end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
                os.lseek(f.fileno(), at, os.SEEK_SET)
                ranges.append("%d+%d=%s" % (at, end - at, hashlib.sha256(f.read(end - at)).hexdigest()))
                at = end
    except OSError as e:
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY) if stat.S_ISDIR(st.st_mode) else -1
        return 0, errno.errorcode[e.errno]


def show(name, rel):
    st = os.lstat(name)
    flags, data, dev = 0, "-", "-"
    if stat.S_ISLNK(st.st_mode):
        try:
            data = spell(os.readlink(name))
        except OSError as e:
            data = errno.errorcode[e.errno]
    elif stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
        if stat.S_ISDIR(st.st_mode):
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
            flags = struct.unpack("i", fcntl.ioctl(fd, 0x80086601, b"\0" * 8)[:4])[0] & 0xFFFFFFFF
            os.close(fd)
        else:
            flags, data = contents(name, st)
    elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        dev = "%d,%d" % (os.major(st.st_rdev), os.minor(st.st_rdev))
    attrs = []
    for k in sorted(os.listxattr(name, follow_symlinks=False), key=os.fsencode):
        attrs.append(spell(os.fsencode(k)) + "=" + os.getxattr(name, k, follow_symlinks=False).hex())
    print(spell(rel), "%o" % st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_ino, st.st_size, st.st_mtime_ns, dev,
          "%#x" % flags, data, ",".join(attrs) or "-", sep="\t")
    if stat.S_ISDIR(st.st_mode):
        for e in sorted(os.listdir(name)):
            show(os.path.join(name, e), os.path.join(rel, e) if rel != b"." else e)


show(root, b".")
