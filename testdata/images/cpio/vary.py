#!/usr/bin/env python3
"""Ramdisks that no tool makes, from the description in Linux: vary.py OUT."""
import sys

class Archive:
    def __init__(self):
        self.out, self.ino = b'', 100

    def add(self, name, mode, data=b'', ino=None, nlink=1, uid=0, gid=0, mtime=1700000000, rdev=(0, 0), sums=False, check=None, raw=None, digits=b'%08x'):
        self.ino += 1
        raw = name.encode('latin1') + b'\0' if raw is None else raw
        if check is None:
            check = sum(data) & 0xffffffff if sums else 0
        fields = (ino or self.ino, mode, uid, gid, nlink, mtime, len(data), 8, 1, *rdev, len(raw), check)
        e = (b'070702' if sums else b'070701') + b''.join(digits % v for v in fields) + raw
        e += bytes(-len(e) % 4) + data
        self.out += e + bytes(-len(e) % 4)

    def file(self, name, data, mode=0o644, **kw): self.add(name, 0o100000 | mode, data, **kw)
    def dir(self, name, mode=0o755, **kw): self.add(name, 0o040000 | mode, **kw)
    def link(self, name, target, **kw): self.add(name, 0o120777, target.encode(), **kw)
    def node(self, name, kind, rdev=(0, 0), mode=0o600, **kw): self.add(name, kind | mode, rdev=rdev, **kw)
    def end(self, pad=0): self.add('TRAILER!!!', 0, mtime=0); self.out += bytes(-len(self.out) % 4 + pad)

CHR, BLK, FIFO, SOCK = 0o020000, 0o060000, 0o010000, 0o140000
images = {}

# Names: how they lead to files.
a = Archive()
a.dir('.', 0o750, uid=5, gid=6)
a.dir('/abs')
a.file('/abs/one', b'1')
a.file('./dot', b'2')
a.file('.//./dots', b'3')
a.file('../../up', b'4')
a.dir('a')
a.dir('a/b/')
a.file('a//b///c', b'5')
a.file('a/b/../d', b'6')
a.file('a/b/', b'7')
a.file('a/nodir/x', b'8')
a.file('abs/one/x', b'9')
a.link('l', 'a/b')
a.file('l/through', b'10')
a.link('labs', '/a')
a.file('labs/b/through2', b'11')
a.link('a/b/labs2', '//abs/.')
a.file('a/b/labs2/through3', b'24')
a.link('a/b/back', '../..')
a.file('a/b/back/top', b'12')
a.link('loop1', 'loop2')
a.link('loop2', 'loop1')
a.file('loop1/x', b'13')
a.dir('l/', 0o700, uid=9)
a.file('n' * 255, b'14')
a.file('n' * 256, b'15')
a.file('', b'16', raw=b'\0')
a.file('', b'17', raw=b'')
a.file('', b'18', raw=b'cut\0off\0')
a.file('', b'19', raw=b'p/' * 2100 + b'\0')
a.file('', b'20', raw=b'./' * 2045 + b'far\0')
a.file('caf\xe9', b'21')
a.file('per%41cent', b'22')
a.file('esc\x1b[2J:!#', b'23')
a.link('empty', '')
a.link('long', 't' * 4095)
a.link('longest', 't' * 4096)
a.link('toolong', 't' * 4097)
a.add('nullink', 0o120777, b'abc\0def')
a.end()
images['names.img'] = a.out

# Entries of a name that is there: for each pair of kinds, and folders that are not empty.
def kinds(a, name, n):
    [lambda: a.file(name, b'file %d' % n, 0o600 + n, uid=n, mtime=1700000000 + n),
     lambda: a.dir(name, 0o700 + n, uid=n, mtime=1700000000 + n),
     lambda: a.link(name, 'target%d' % n, uid=n, mtime=1700000000 + n),
     lambda: a.node(name, CHR, (n + 1, n), 0o600 + n, uid=n, mtime=1700000000 + n),
     lambda: a.node(name, BLK, (n + 1, 300 + n), 0o600 + n, uid=n, mtime=1700000000 + n),
     lambda: a.node(name, FIFO, (0, 0), 0o600 + n, uid=n, mtime=1700000000 + n),
     lambda: a.node(name, SOCK, (0, 0), 0o600 + n, uid=n, mtime=1700000000 + n),
     lambda: a.add(name, 0o600 + n, uid=n, mtime=1700000000 + n)][n]()
a = Archive()
for i in range(8):
    for j in range(8):
        name = '%d%d' % (i, j)
        kinds(a, name, i)
        if i == 1:
            kinds(a, 'full' + name, i)
            a.file('full' + name + '/x', b'x')
a.end(508)
b = Archive()
for i in range(8):
    for j in range(8):
        name = '%d%d' % (i, j)
        kinds(b, name, j)
        if i == 1:
            kinds(b, 'full' + name, j)
# Data where none may be, which passes the entry over.
b.add('dirdata', 0o040755, b'data')
b.add('nodedata', CHR | 0o600, b'data', rdev=(1, 3))
b.add('TRAILER!!!', 0, b'data')
b.file('shorter', b'longer than that')
b.file('shorter', b'short')
b.file('setuid', b'', 0o6755, uid=10, gid=20)
b.dir('sticky', 0o1777)
b.add('wide', 0xabc081ff & 0xffffffff, b'mode of more than 16 bits')
b.end()
images['kinds.img'] = a.out + b.out

# Hard links.
a = Archive()
a.file('a1', b'', ino=1, nlink=3)
a.file('a2', b'', ino=1, nlink=3, mode=0o600, uid=7)
a.file('a3', b'data in the last', ino=1, nlink=3)
a.file('b1', b'data in the first', ino=2, nlink=2)
a.file('b2', b'', ino=2, nlink=2, mtime=1600000000)
a.file('c1', b'data in both', ino=3, nlink=2)
a.file('c2', b'both', ino=3, nlink=2)
a.file('d1', b'one link is none', ino=4)
a.file('d2', b'', ino=4)
a.node('e1', CHR, (4, 5), ino=5, nlink=2)
a.node('e2', CHR, (6, 7), ino=5, nlink=2)
a.node('f1', BLK, (4, 5), ino=5, nlink=2) # of another kind
a.file('g1', b'gone', ino=6, nlink=2)
a.add('g1', 0, ino=7)
a.file('g2', b'not made', ino=6, nlink=2)
a.file('h1', b'twice', ino=8, nlink=2)
a.file('h1', b'twice', ino=8, nlink=2)
a.file('i1', b'over a file', ino=9, nlink=2)
a.file('i2', b'was there')
a.file('i2', b'', ino=9, nlink=2)
a.file('j1', b'over a folder', ino=10, nlink=2)
a.dir('j2')
a.file('j2', b'', ino=10, nlink=2)
a.dir('j3')
a.file('j3/x', b'x')
a.file('j3', b'', ino=10, nlink=2)
a.file('k1', b'into a folder that is not there', ino=11, nlink=2)
a.dir('l', ino=12, nlink=2)
a.dir('m', ino=12, nlink=2)
a.link('n1', 'x', ino=13, nlink=2)
a.link('n2', 'y', ino=13, nlink=2)
a.dir('o')
a.file('o/1', b'through a path', ino=14, nlink=2)
a.file('o//2', b'', ino=14, nlink=2)
a.file('q1', b'', ino=16, nlink=3, digits=b'%08X')
a.file('q2', b'data in the middle, digits in upper case', ino=16, nlink=3, uid=0xabcdef, digits=b'%08X')
a.file('q3', b'', ino=16, nlink=3, digits=b'%08X')
a.file('p1', b'up to the end', ino=15, nlink=2)
a.end(4)
b = Archive()
b.file('p2', b'', ino=15, nlink=2)
b.file('c2', b'written over: both change', uid=3)
images['links.img'] = a.out + b.out # without an end

# Where an archive ends, and where it does not: hard links tell.
a = Archive()
a.file('a1', b'one file', ino=1, nlink=2)
a.file('./TRAILER!!!', b'a file')
a.link('TRAILER!!!', 'a link')
a.add('TRAILER!!!', 0o040755, b'a folder with data')
a.file('TRAILER!!! ', b'a space')
a.file('TRAILER!!', b'too short')
a.file('a2', b'', ino=1, nlink=2)
a.file('TRAILER!!!', b'an end with data')
a.file('a3', b'', ino=1, nlink=2)
a.dir('TRAILER!!!')
a.file('a4', b'another', ino=1, nlink=2)
a.file('', b'', raw=b'TRAILER!!!\0cut\0')
a.file('a5', b'', ino=1, nlink=2)
a.end()
images['trailer.img'] = a.out

# Entries in folders that no entry has made, which Linux leaves out; here those are called lost.
a = Archive()
a.file('init', b'real')
a.file('etc', b'stays')
a.file('lost/file', b'1')
a.file('lost/../init', b'not taken', 0o600)
a.dir('lost/..', 0o700, uid=1)
a.link('lost/link', '/')
a.file('lost/link/init', b'not taken', 0o600)
a.file('lost/link/through', b'not made')
a.file('lost/link/etc/x', b'not made')
a.dir('dot/.', 0o700, uid=1)
a.file('late/lost', b'2')
a.dir('late', 0o700, uid=2, mtime=1600000000)
a.dir('late', 0o750)
a.link('behind/lost', '/')
a.dir('behind')
a.file('behind/lost/through', b'not made')
a.file('again/file', b'3', 0o600, uid=3, mtime=1600000000)
a.dir('again/dir', 0o700, uid=3, mtime=1600000000)
a.link('again/link', 'old', uid=3)
a.node('again/node', CHR, (1, 2), uid=3)
a.dir('again')
a.file('again/file', b'4')
a.dir('again/dir')
a.link('again/link', 'new')
a.node('again/node', CHR, (3, 4))
a.file('over/x/lost', b'5')
a.file('over', b'a file after all')
a.file('lost/1', b'6', ino=1, nlink=3)
a.file('lost2', b'', ino=1, nlink=3)
a.file('init', b'', ino=1, nlink=3)
a.file('init2', b'a link to a lost one takes what is there away')
a.file('init2', b'', ino=1, nlink=3)
a.add('lost/1', 0)
a.file('shared', b'as it is', ino=2, nlink=2)
a.file('lost/shared', b'not taken', ino=2, nlink=2, mode=0o600)
for i in range(2): # of the times of a folder the first one is set last, whatever is there then
    a.dir('time', mtime=1600000000 + i)
    a.file('time', b'file')
a.end()
images['lost.img'] = a.out

# Sums.
a = Archive()
a.file('good', b'\xff' * 1000, sums=True)
a.file('none', b'', sums=True)
a.link('link', 'good', sums=True, check=5)
a.dir('dir', sums=True, check=5)
a.file('plain', b'x', check=5)
a.end()
images['sums.img'] = a.out
a.file('bad', b'\xff' * 999, sums=True, check=999 * 255 + 1)
images['sums-bad.img'] = a.out

for name, data in images.items():
    open(sys.argv[1] + '/' + name, 'wb').write(data)
