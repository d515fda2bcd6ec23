#!/usr/bin/env python3
"""Writes updated.img: metadata that lpmake cannot be asked for, made from the description in
liblp's metadata_format.h alone. Version 10.1, partitions with the attributes UPDATED and DISABLED,
one of two linear extents out of order, one that ends in an extent of zeros; the two slots differ,
and slot 1's backup is broken. Data comes from the image that is named, which lpmake made.
lpunpack reads it, but for the extent of zeros, which no tool of AOSP's writes or reads."""
import hashlib, struct, sys

def sha(b):
    return hashlib.sha256(b).digest()

def geometry(max_size, slots, block):
    g = struct.pack('<II32sIII', 0x616c4467, 52, bytes(32), max_size, slots, block)
    return (g[:8] + sha(g) + g[40:]).ljust(4096, b'\0')

def metadata(minor, partitions, groups, devices):
    """partitions: (name, attributes, group, [(sectors, type, data, source)])"""
    parts, extents, n = b'', b'', 0
    for name, attributes, group, list_ in partitions:
        parts += struct.pack('<36sIIII', name, attributes, n, len(list_), group)
        extents += b''.join(struct.pack('<QIQI', *e) for e in list_)
        n += len(list_)
    tables = [(parts, len(partitions), 52), (extents, n, 24),
              (b''.join(struct.pack('<36sIQ', *g) for g in groups), len(groups), 48),
              (b''.join(struct.pack('<QIIQ36sI', *d) for d in devices), len(devices), 64)]
    body = b''.join(t[0] for t in tables)
    desc, off = b'', 0
    for data, count, size in tables:
        desc += struct.pack('<III', off, count, size)
        off += len(data)
    size = 128 if minor < 2 else 256
    def header(checksum):
        return struct.pack('<IHHI32sI32s', 0x414c5030, 10, minor, size, checksum, len(body), sha(body)) + desc + bytes(size - 128)
    return header(sha(header(bytes(32)))) + body

src = open(sys.argv[1], 'rb').read()
MAX, SLOTS, SIZE = 4096, 2, 81920
first = (4096 + (4096 + MAX * SLOTS) * 2) // 512
devices = [(first, 4096, 0, SIZE, b'super', 0)]
groups = [(b'default', 0, 0), (b'main_a', 0, 40960)]
a = metadata(1, [(b'system_a', 1 | 4, 1, [(8, 0, first + 8, 0), (8, 0, first, 0)]),
                 (b'system_b-cow', 8, 0, [(16, 0, first + 16, 0)])], groups, devices)
b = metadata(1, [(b'system_a', 1 | 4, 1, [(8, 0, first + 8, 0), (16, 1, 0, 0)]),
                 (b'vendor_a', 1, 1, [(8, 0, first, 0)])], groups, devices)
broken = bytearray(b)
broken[60] ^= 1
out = bytearray(src)
out[4096:12288] = geometry(MAX, SLOTS, 4096) * 2
for i, m in enumerate((a, b, a, broken)):
    out[12288 + i * MAX:12288 + (i + 1) * MAX] = bytes(m).ljust(MAX, b'\0')
open('updated.img', 'wb').write(out)
