#!/usr/bin/env python3
# Makes a tree of awkward files in the folder argv[1] (small: a smaller tree; tiny: a few files, to be changed byte by
# byte; old: a tree that mkfs.erofs 1.5 can do), and writes to standard output what it consists of, one line each: kind, path and names as parse.Escape spells them, mode,
# owner, group, links, size, time in nanoseconds, device, SHA-256 or target, attributes. Needs root, for owners, nodes
# and attributes.
import hashlib, os, socket, stat, struct, sys
root = os.fsencode(os.path.abspath(sys.argv[1]))
small, tiny, old = 'small' in sys.argv, 'tiny' in sys.argv, 'old' in sys.argv
os.umask(0o022)

def noise(seed, n):
    out, h = b'', seed
    while len(out) < n:
        h = hashlib.sha256(h).digest()
        out += h
    return out[:n]

words = [noise(b'w%d' % i, 3 + i % 7).hex().encode() for i in range(300)]
def text(seed, n):
    out, h = [], noise(seed, n // 2 + 64)
    size = i = 0
    while size < n:
        w = words[struct.unpack_from('<H', h, i)[0] % 300] + b' '
        out.append(w); size += len(w); i += 2
    return b''.join(out)[:n]

def path(name): return os.path.join(root, name)
def file(name, data=b'', mode=0o644):
    p = path(name)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    with open(p, 'wb') as f: f.write(data)
    os.chmod(p, mode)
    return p
def xattr(name, key, value): os.setxattr(path(name), key, value, follow_symlinks=False)

os.makedirs(root)
def tree():
    file(b'empty')
    for n in [1, 12, 31, 32, 33, 4095, 4096, 4097] + ([] if small else [2000, 4000, 4040, 8191, 8192, 8193, 12289]):
        file(b'size/%05d' % n, text(b's', n))
    file(b'text', text(b't', 9000 if small else 70000))
    file(b'noise', noise(b'n', 5000 if small else 13001))
    mixed = b''.join(text(b'%d' % i, 3000) + noise(b'%d' % i, 1700) for i in range(2 if small else 9))
    file(b'mixed', mixed)
    file(b'again', b'x' * 100 + text(b't', 70000)[1000:5000 if small else 40000] + noise(b'n', 9000)[:3000])
    file(b'zeros', bytes(100000 if small else 3 << 20))
    with open(path(b'holes'), 'wb') as f:
        f.write(text(b'h', 5000)); f.seek(200000); f.write(text(b'i', 3000)); f.truncate(300000)
    for i in range(0 if small else 3000):
        p = path(b'many/%04d-entry' % i)
        if i == 0: file(b'many/0000-entry', b'many\n')
        else: os.link(path(b'many/0000-entry'), p)
    file(b'a' * (254 if old else 255), b'long name') # mkfs.erofs 1.5 cannot do 255
    file('ünïcödé-名前-🙂'.encode(), b'unicode')
    file(b'raw-\xff\xfe\x80', b'no UTF-8')
    file(b'odd %!#:\n\x01\x7f name', b'syntax')
    file(b'\xe2\x80\xaertl', b'direction')
    file(b'/'.join(b'deep%d' % i for i in range(6 if small else 40)) + b'/end', b'deep')
    file(b'hard1', text(b'hl', 500)); os.link(path(b'hard1'), path(b'hard2')); os.link(path(b'hard1'), path(b'size/hard3'))
    for name, target in [(b'fast', b'text'), (b'up', b'../x/../text'), (b'absolute', b'/system/etc/one'), (b'dangling', b'nowhere'),
                         (b'slow', b'a/' * 1900 + b'z'), (b'rawlink', b'raw-\xff\xfe\x80'), (b'dirlink', b'size')]:
        os.symlink(target, path(name))
    os.mkdir(path(b'emptydir'))
    os.mknod(path(b'null'), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(path(b'disk'), stat.S_IFBLK | 0o600, os.makedev(259, 70000))
    os.mkfifo(path(b'pipe'))
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd(); os.chdir(root); s.bind('socket'); os.chdir(here); s.close()
    file(b'setuid', b'su', 0o4755); file(b'setgid', b'sg', 0o2755); os.mkdir(path(b'sticky')); os.chmod(path(b'sticky'), 0o1777)
    os.chown(path(b'null'), 1000, 2000)
    file(b'owner', b'o'); os.chown(path(b'owner'), 70000, 80000)
    for name in [b'empty', b'text', b'noise', b'mixed', b'size/00001', b'size', b'fast', b'null']:
        xattr(name, b'security.selinux', b'u:object_r:system_file:s0\0')
    xattr(b'setuid', b'security.selinux', b'u:object_r:su_exec:s0\0')
    xattr(b'setuid', b'security.capability', struct.pack('<5I', 0x02000001, 0x2000, 0, 0, 0))
    xattr(b'setgid', b'security.capability', struct.pack('<6I', 0x03000001, 0x3000, 0, 0, 0, 7))
    xattr(b'text', b'user.empty', b''); xattr(b'text', b'user.b', b'\0\1\xff'); xattr(b'text', b'trusted.t', b'trust')
    xattr(b'text', b'user.n\xffme', b'raw')
    xattr(b'mixed', b'user.long', noise(b'x', 600 if small else 3000))
    for i in range(4):
        xattr(b'size/%05d' % [1, 12, 31, 32][i], b'user.project.of.long.names.%d' % i, b'v%d' % i)
        xattr(b'size/%05d' % [1, 12, 31, 32][i], b'user.project.of.long.names.', b'%d' % i)
    xattr(b'hard1', b'system.posix_acl_access', struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in
          [(1, 6, 0xffffffff), (2, 4, 1000), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 4, 0xffffffff)]))
    xattr(b'emptydir', b'system.posix_acl_default', struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in
          [(1, 7, 0xffffffff), (4, 5, 0xffffffff), (32, 5, 0xffffffff)]))

def few():
    file(b'empty')
    file(b'text', text(b't', 5000))
    file(b'noise', text(b'n', 300) + noise(b'n', 2600) + text(b'o', 700))
    file(b'sub/again', b'x' * 40 + text(b't', 5000)[300:4100])
    file(b'sub/tail', text(b'u', 700)); os.link(path(b'sub/tail'), path(b'sub/hard'))
    with open(path(b'holes'), 'wb') as f:
        f.write(text(b'h', 900)); f.seek(20000); f.write(b'end')
    os.symlink(b'sub/tail', path(b'link'))
    os.mknod(path(b'null'), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    for name in [b'text', b'noise', b'sub', b'link']:
        xattr(name, b'security.selinux', b'u:object_r:system_file:s0\0')
    xattr(b'text', b'user.project.of.names', b'value')

few() if tiny else tree()

every = [root] + [os.path.join(d, n) for d, ds, fs in os.walk(root) for n in ds + fs]
for p in sorted(every, key=len, reverse=True):
    n = int(hashlib.sha256(p[len(root):][:200]).hexdigest()[:6], 16)
    t = 1500000000 * 10**9 + n * 1000000000 + n % 2
    if p.endswith(b'/noise'): t = 5000000000 * 10**9
    os.utime(p, ns=(t, t), follow_symlinks=False)

def escape(b):
    # What parse.Escape escapes, for the characters above.
    out = ''
    for part in b.decode('utf-8', 'surrogateescape'):
        raw = part.encode('utf-8', 'surrogateescape')
        plain = part.isprintable() and part not in '%!#:' and not '\ud800' <= part <= '\udfff'
        out += part if plain or part == ' ' else ''.join('%%%02X' % c for c in raw)
    return out
for p in sorted(every):
    st = os.lstat(p)
    kind = {stat.S_IFREG: 'file', stat.S_IFDIR: 'dir', stat.S_IFLNK: 'link', stat.S_IFCHR: 'char', stat.S_IFBLK: 'block',
            stat.S_IFIFO: 'pipe', stat.S_IFSOCK: 'socket'}[stat.S_IFMT(st.st_mode)]
    what = size = '-'
    if kind == 'file': what, size = hashlib.sha256(open(p, 'rb').read()).hexdigest(), st.st_size
    if kind == 'link': what, size = escape(os.readlink(p)), st.st_size
    dev = '%d,%d' % (os.major(st.st_rdev), os.minor(st.st_rdev)) if kind in ('char', 'block') else '-'
    attrs = ' '.join(escape(os.fsencode(k)) + '=' + os.getxattr(p, k, follow_symlinks=False).hex() for k in sorted(os.listxattr(p, follow_symlinks=False)))
    name = escape(p[len(root) + 1:]) or '.'
    print('\t'.join(map(str, [kind, name, '%04o' % (st.st_mode & 0o7777), st.st_uid, st.st_gid, st.st_nlink, size, st.st_mtime_ns, dev, what, attrs])))
