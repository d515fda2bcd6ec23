#!/usr/bin/env python3
"""tree.py make DIR [PART...]: makes a tree of awkward files, or those parts of it. Needs root, and a
file system under DIR that takes every extended attribute; for the part huge-attrs, values of 64 KiB.
tree.py list DIR: says what is in DIR, a line a file, as the kernel tells of it."""
import hashlib, os, socket, stat, struct, sys

def esc(b):
    return ''.join(chr(c) if chr(c).isalnum() and c < 128 or c in b'._/-' else '%%%02X' % c for c in b) or '%'

def show(root):
    for d, dirs, files in os.walk(os.fsencode(root)):
        dirs.sort()
        for name in [b''] * (d == os.fsencode(root)) + dirs + files:
            p = os.path.join(d, name) if name else d
            st = os.lstat(p)
            kind, what, size = '?', '-', 0
            if stat.S_ISDIR(st.st_mode): kind = 'd'
            elif stat.S_ISLNK(st.st_mode): kind, what, size = 'l', esc(os.readlink(p)), st.st_size
            elif stat.S_ISREG(st.st_mode):
                h = hashlib.sha256()
                with open(p, 'rb') as f:
                    while b := f.read(1 << 20): h.update(b)
                kind, what, size = 'f', h.hexdigest(), st.st_size
            elif stat.S_ISFIFO(st.st_mode): kind = 'p'
            elif stat.S_ISSOCK(st.st_mode): kind = 's'
            elif stat.S_ISCHR(st.st_mode): kind = 'c'
            elif stat.S_ISBLK(st.st_mode): kind = 'b'
            if kind in 'cb': what = '%d,%d' % (os.major(st.st_rdev), os.minor(st.st_rdev))
            x = {a: os.getxattr(p, a, follow_symlinks=False) for a in os.listxattr(p, follow_symlinks=False)}
            attrs = ' '.join(esc(os.fsencode(a)) + '=' + (v.hex() if len(v) < 200 else 'sha256:' + hashlib.sha256(v).hexdigest())
                             for a, v in sorted(x.items()) if not a.startswith('system.posix_acl'))
            rel = os.path.relpath(p, os.fsencode(root))
            links = '-' if kind == 'd' else st.st_nlink
            yield (rel, f'{esc(rel)} {kind} {st.st_mode & 0o7777:o} {st.st_uid} {st.st_gid} {links} {size} '
                        f'{st.st_mtime_ns // 10**9}.{st.st_mtime_ns % 10**9:09d} {what} {attrs}'.rstrip())

def lines(n, tag=''):
    return b''.join((b'%s%08d\n' % (tag.encode(), i)).ljust(512, b'.') for i in range(n // 512 + 1))[:n]

def make(root, parts):
    root = os.fsencode(root)
    os.makedirs(root, exist_ok=True)
    os.chmod(root, 0o755)
    def at(p): return os.path.join(root, p if isinstance(p, bytes) else os.fsencode(p))
    def folder(p): os.makedirs(at(p), exist_ok=True); return p
    def file(p, b, **kw):
        folder(os.path.dirname(p))
        with open(at(p), 'wb') as f: f.write(b)
    def attr(p, name, v): os.setxattr(at(p), name, v, follow_symlinks=False)
    def label(p, s='system_file'): attr(p, 'security.selinux', b'u:object_r:%s:s0\0' % s.encode())
    def want(p): return p in parts or not parts and p != 'huge-attrs'

    if want('plain'):
        file('plain/empty', b'')
        for n in (1, 59, 60, 61, 100, 127, 128, 129, 155, 156, 157, 159, 160, 161, 200, 1023, 1024, 1025, 4095, 4096, 4097, 65535, 65536, 65537):
            file('plain/%d' % n, lines(n))
        p = folder('plain/deep')
        for i in range(15):
            p = folder(p + '/d%d' % i)
        file(p + '/bottom', b'bottom\n')
    if want('names'):
        for i, name in enumerate((b'n' * 255, 'é'.encode(), 'e\u0301'.encode(), '漢字🜁'.encode(), b'\xff\xfe', b'caf\xe9', b'a b', b'new\nline',
                     b'%41', b'A', b'a!b', b'a#b', b'a:b', b'back\\slash', b'-rf', b'...', b'.hidden', b'\x1b[2J', b'\xe2\x80\xaegpj.exe', b'~', b' ')):
            file(b'names/' + name, b'%d\n' % i)
        file('names/Mixed', b'1'); file('names/mixed', b'2')
    if want('hole'):
        for p, size, at_ in (('all', 1 << 20, ()), ('start', 300000, (299990,)), ('end', 300000, (0,)), ('both', 500001, (130000, 131072, 250000)),
                          ('far', 72 << 20, (5, 12 << 10, 13 << 10, 268 << 10, 300 << 10, 66 << 20, (72 << 20) - 7))):
            folder('hole')
            with open(at('hole/' + p), 'wb') as f:
                f.truncate(size)
                for o in at_: f.seek(o); f.write(b'at%d\n' % o if o < size - 20 else b'end')
    if want('frag'):
        folder('frag')
        with open(at('frag/many'), 'wb') as f:
            for i in range(700):
                f.seek(i * 8192)
                f.write((b'piece %06d of many\n' % i).ljust(32, b'.') * 128)
    if want('unwritten'):
        folder('unwritten')
        with open(at('unwritten/whole'), 'wb') as f: os.posix_fallocate(f.fileno(), 0, 200000)
        with open(at('unwritten/middle'), 'wb') as f:
            os.posix_fallocate(f.fileno(), 0, 300000); f.seek(100000); f.write(lines(50000)); f.flush(); os.fsync(f.fileno())
    if want('links'):
        file('links/target', b'target\n')
        os.link(at('links/target'), at('links/hard1')); os.link(at('links/target'), at('links/hard2'))
        for n in (1, 58, 59, 60, 61, 1000): os.symlink(b't' * n, at('links/%d' % n))
        for name, to in (('sibling', b'target'), ('up', b'../plain/empty'), ('abs', b'/etc/passwd'), ('dangling', b'nothing'), ('loop', b'loop'),
                         ('raw', b'\xff/\xfe'), ('folder', b'.')): os.symlink(to, at('links/' + name))
        label('links/sibling', 'link'); label('links/1000', 'slowlink')
    if want('nodes'):
        folder('nodes')
        for name, mode, dev in (('null', stat.S_IFCHR, (1, 3)), ('sda', stat.S_IFBLK, (8, 0)), ('large', stat.S_IFCHR, (300, 70000)), ('zero', stat.S_IFBLK, (0, 0))):
            os.mknod(at('nodes/' + name), mode | 0o640, os.makedev(*dev))
        os.mkfifo(at('nodes/fifo'))
        s = socket.socket(socket.AF_UNIX)
        here = os.getcwd(); os.chdir(at('nodes')); s.bind('socket'); os.chdir(here)
        label('nodes/null', 'null_device')
    if want('modes'):
        for name, mode, uid, gid in (('setuid', 0o4755, 0, 2000), ('setgid', 0o2755, 1000, 1000), ('sticky', 0o1777, 0, 0), ('none', 0, 0, 0), ('high', 0o600, 100000, 4294967294)):
            file('modes/' + name, b'x'); os.chown(at('modes/' + name), uid, gid); os.chmod(at('modes/' + name), mode)
        os.mkdir(at('modes/folder')); os.chmod(at('modes/folder'), 0o3771); os.chown(at('modes/folder'), 1036, 9998)
        for name, t in (('zero', 0), ('before', -1000000001), ('last32', (2**31 - 1) * 10**9), ('after', (2**31 + 5) * 10**9 + 123456789), ('far', 2**33 * 10**9 + 1)):
            file('times/' + name, b't'); os.utime(at('times/' + name), ns=(t, t))
    if want('attrs'):
        for name in ('one', 'several', 'long', 'filled', 'cap'): file('attrs/' + name, name.encode())
        folder('attrs/folder'); os.symlink('one', at('attrs/link'))
        for name in ('one', 'several', 'long', 'filled', 'cap', 'folder', 'link'): label('attrs/' + name)
        attr('attrs/cap', 'security.capability', struct.pack('<5I', 0x02000001, 0x3000, 0, 0, 0))
        attr('attrs/several', 'user.empty', b''); attr('attrs/several', 'user.b', b'\0\1\2'); attr('attrs/several', 'trusted.t', b'trusted')
        attr('attrs/several', 'user.' + 'n' * 100, b'long name'); attr('attrs/several', 'user.!%', b'odd name')
        attr('attrs/long', 'user.long', lines(600))
        for i in range(20): attr('attrs/filled', 'user.%02d' % i, b'v' * i)
    if want('huge-attrs'):
        file('huge/attrs', b'x')
        for n in (5000, 20000, 65536): attr('huge/attrs', 'user.%d' % n, lines(n, 'x'))
    if want('many'):
        file('many/first', b'first\n')
        for i in range(3000): os.link(at('many/first'), at('many/%s-%d' % ('entry' * (i % 20), i)))
    for d, dirs, files in os.walk(root, topdown=False):
        for name in files + [n for n in dirs if os.path.islink(os.path.join(d, n))] + [b'']:
            p = os.path.join(d, name) if name else d
            if b'/times/' not in p: os.utime(p, ns=(1230768000 * 10**9,) * 2, follow_symlinks=False)

if __name__ == '__main__':
    if sys.argv[1] == 'make': make(sys.argv[2], sys.argv[3:])
    else:
        for _, line in sorted(show(sys.argv[2])): print(line)
