#!/usr/bin/env python3
"""Makes the tree of awkward files: tree.py DIR LEVEL. LEVEL plain is what sload.f2fs can
take; full has what only a kernel writes: devices, attributes, holes, links to links."""
import hashlib, os, socket, stat, sys

root, level = os.fsencode(sys.argv[1]), sys.argv[2]
full = level == "full"


def lines(n, seed=b""):
    """n bytes that compress well and differ in each block."""
    blocks = (b"%s%08d" % (seed, at) + b" nimbus has blocks that are not alike\n" * 110 for at in range(0, n, 4096))
    return b"".join(b[:4096] for b in blocks)[:n]


def noise(n, seed=b"x"):
    out = b""
    while len(out) < n:
        seed = hashlib.sha256(seed).digest()
        out += seed
    return out[:n]


def path(*name):
    return os.path.join(root, *[os.fsencode(x) for x in name])


def write(name, data, mode=0o644, owner=(0, 0)):
    with open(name, "wb") as f:
        f.write(data)
    os.chown(name, *owner)
    os.chmod(name, mode)


def holes(name, size, *at):
    with open(name, "wb") as f:
        for off, n in at:
            f.seek(off)
            f.write(lines(n, b"%d." % off))
        f.truncate(size)


os.makedirs(path("sizes"), exist_ok=True)
# Around what fits inline: with and without extra attributes and room for extended ones.
for n in [0, 1, 2, 3450, 3451, 3452, 3453, 3486, 3487, 3488, 3489, 3650, 3651, 3652, 3653, 3687, 3688, 3689, 4095, 4096, 4097, 8191, 8192, 8193, 40000]:
    write(path("sizes", "%05d" % n), lines(n))
write(path("noise"), noise(5000))
write(path("more-noise"), noise(20000, b"y"))
write(path("large"), lines(5 << 20))  # past the addresses in the inode

os.makedirs(path("names"))
for name in [b"a b", b"%41", b"x!y#z:w", b"-", b"...", b"new\nline", b"tab\t", b"\x7f", "Stra\u00dfe".encode(), "\u4f60\u597d".encode(),
             "e\u0301".encode(), "\u202egpj.exe".encode(), b"caf\xe9", b"\xff\xfe", b"n" * 255, b"m" * 254, b"eightchr", b"ninechars", b"sixteencharacter", b"\\"]:
    write(os.path.join(path("names"), name), name)

deep = path("deep")
for i in range(40):
    os.makedirs(deep)
    write(os.path.join(deep, b"file"), b"%d\n" % i)
    deep = os.path.join(deep, b"d%02d" % i)

os.makedirs(path("links"))
for name, target in [("relative", b"../noise"), ("absolute", b"/system/bin/sh"), ("dangling", b"nowhere"), ("up", b"../../.."), ("folder", b"../names"),
                     ("raw", b"caf\xe9 %41\n"), ("long", b"x/" * 1700 + b"y"), ("slow", b"y/" * 1900 + b"z"), ("self", b"self")]:
    os.symlink(target, path("links", name))

os.makedirs(path("modes"))
for i, mode in enumerate([0o000, 0o400, 0o755, 0o777, 0o4755, 0o2755, 0o1644, 0o6711]):
    write(path("modes", "%04o" % mode), b"mode\n", mode, (1000 + i, 70000 + i))
os.makedirs(path("modes", "folder"))
os.chown(path("modes", "folder"), 1000, 3003)
os.chmod(path("modes", "folder"), 0o3775)

write(path("hard-1"), b"three names\n")
os.makedirs(path("hard"))
os.link(path("hard-1"), path("hard", "2"))
os.link(path("hard-1"), path("hard", "3"))

os.makedirs(path("many"))
write(path("many", "0000"), b"many names\n")
for i in range(1, 3000 if full else 400):
    if full:
        os.link(path("many", "0000"), path("many", "%04d" % i))
    else:
        os.symlink(b"0000", path("many", "%04d" % i))
os.makedirs(path("some"))  # past what is inline, within one block
for i in range(190):
    os.link(path("hard-1"), path("some", "%03d" % i)) if full else os.symlink(b"%d" % i, path("some", "%03d" % i))

if full:
    os.makedirs(path("devices"))
    os.mknod(path("devices", "null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(path("devices", "large"), stat.S_IFBLK | 0o600, os.makedev(259, 300000))
    os.mkfifo(path("devices", "fifo"), 0o640)
    sock = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(path("devices"))
    sock.bind("socket")
    os.chdir(here)

    os.makedirs(path("attrs"))
    for name in ["inline", "block", "across", "many", "caps", "folder", "acl", "empty"]:
        if name == "folder":
            os.makedirs(path("attrs", name))
        else:
            write(path("attrs", name), name.encode() + b"\n")
    def put(name, key, value):
        os.setxattr(path("attrs", name), key, value, follow_symlinks=False)
    for name in ["inline", "block", "across", "many", "caps", "folder"]:
        put(name, "security.selinux", b"u:object_r:system_file:s0\0")
    put("block", "user.block", lines(3000))
    put("across", "user.a", noise(90))
    put("across", "user.across", lines(400))
    put("across", "trusted.overlay.opaque", b"y")
    for i in range(60):
        put("many", "user.%02d" % i, b"v%d" % i * (i % 7))
    put("many", "user.caf\udce9 %", b"raw\0\xff")
    put("caps", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    put("acl", "system.posix_acl_access", bytes.fromhex("0200000001000700ffffffff02000600e803000004000500ffffffff10000700ffffffff20000400ffffffff"))
    put("folder", "trusted.folder", b"yes")
    put("empty", "user.empty", b"")
    os.symlink(b"inline", path("attrs", "link"))
    put("link", "security.selinux", b"u:object_r:vendor_file:s0\0")

    os.makedirs(path("holes"))
    block = 4096
    holes(path("holes", "all"), 1 << 20)
    holes(path("holes", "end"), 3 * block + 5, (0, 10))
    holes(path("holes", "begin"), 3 * block, (2 * block, block))
    holes(path("holes", "every-second"), 64 * block, *[(i * 2 * block, block) for i in range(32)])
    # A block below each of the five nodes of an inode, and at the borders between them.
    inode, direct = 900, 1018
    ind = direct * direct
    holes(path("holes", "nodes"), 11 << 30, *[(i * block, block) for i in
          [0, inode, inode + direct, inode + 2 * direct + 50, inode + 2 * direct + 3 * direct, inode + 2 * direct + ind + 100,
           inode + 2 * direct + 2 * ind + 100, inode + 2 * direct + 2 * ind + 5 * direct]])
    with open(path("holes", "reserved"), "wb") as f:
        f.write(lines(5000))
        os.posix_fallocate(f.fileno(), 0, 10 * block)
