#!/usr/bin/env python3
"""What Linux makes of ramdisks: kernel.py VMLINUZ BUSYBOX RAMDISK... writes RAMDISK.txt beside each.

Each is booted in qemu behind a small archive with BUSYBOX (static), which lists the files that are there: a line
"mode uid gid links device size time first-name sha256-or-target name" for each, where first-name is the first of the
names of the same inode. Names are spelled with %XX. The last line is what the kernel complained of, or nothing.
What the kernel makes by itself (dev, dev/console, root) is left out."""
import re, subprocess, sys, tempfile

INIT = r"""#!/.probe/busybox sh
B=/.probe/busybox
cd /
echo; echo BEGIN
$B find . -xdev ! -path './.probe*' -print0 | $B xargs -0 $B stat -c 'S %f %u %g %h %t:%T %s %Y %i %n'
$B find . -xdev ! -path './.probe*' -type f -print0 | $B xargs -0 -r $B sha256sum | $B sed 's/^/H /'
$B find . -xdev ! -path './.probe*' -type l | while IFS= read -r l; do echo "L $($B readlink "$l")"; echo "N $l"; done
$B dmesg | $B sed -n 's/.*\(Initramfs unpacking failed.*\|rootfs image is not initramfs.*\)/E \1/p'
echo END
$B poweroff -f
"""

def entry(name, mode, data=b''):
    raw = name.encode() + b'\0'
    head = '070701' + ''.join('%08x' % v for v in (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0))
    out = head.encode() + raw
    out += bytes(-len(out) % 4) + data
    return out + bytes(-len(out) % 4)

def probe(busybox):
    return (entry('.probe', 0o40755) + entry('.probe/busybox', 0o100755, open(busybox, 'rb').read())
            + entry('.probe/init', 0o100755, INIT.encode()) + entry('TRAILER!!!', 0))

def spell(raw):
    return ''.join(chr(c) if re.match(rb'[A-Za-z0-9._/+=,@-]', bytes([c])) else '%%%02X' % c for c in raw)

def boot(vmlinuz, ramdisk):
    for tries in range(5):  # on a busy host an emulated machine can hang, or die of a late timer
        with tempfile.TemporaryDirectory() as d:
            open(d + '/initrd', 'wb').write(ramdisk)
            try:
                subprocess.run(['qemu-system-x86_64', '-accel', 'tcg', '-cpu', 'max', '-m', '1024', '-display', 'none', '-no-reboot', '-monitor', 'none',
                                '-kernel', vmlinuz, '-initrd', d + '/initrd', '-serial', 'file:' + d + '/out',
                                '-append', 'console=ttyS0 quiet panic=-1 rdinit=/.probe/init'], check=True, timeout=100)
            except subprocess.TimeoutExpired:
                continue
            out = open(d + '/out', 'rb').read().replace(b'\r\n', b'\n')
        if b'\nBEGIN\n' in out and b'\nEND\n' in out:
            return out[out.index(b'\nBEGIN\n') + 7:out.index(b'\nEND\n') + 1].split(b'\n')
    sys.exit('the machine does not come up')

def listing(lines):
    files, more, errors, link = {}, {}, [], None
    for line in lines:
        kind, _, rest = line.partition(b' ')
        if kind == b'S':
            *fields, name = rest.split(b' ', 8)
            files[name] = [f.decode() for f in fields]
        elif kind == b'H':
            digest, _, name = rest.partition(b'  ')
            more[name] = digest.decode()
        elif kind == b'L':
            link = rest
        elif kind == b'N':
            more[rest] = spell(link)
        elif kind == b'E':
            errors.append(rest.decode())
    for made in (b'./dev', b'./dev/console', b'./root'):
        files.pop(made, None)
    first = {}
    for name in sorted(files):
        first.setdefault(files[name][7], name)
    out = []
    for name in sorted(files):
        mode, uid, gid, links, dev, size, time, ino = files[name]
        dev = ':'.join(str(int(v, 16)) for v in dev.split(':'))
        if mode.startswith('4') and len(mode) == 4:  # S_IFDIR
            size = '0'
        if name == b'.':
            links = str(int(links) - 3)  # .probe, dev, root
        out.append(' '.join([mode, uid, gid, links, dev, size, time, spell(first[ino][2:]) or '.', more.get(name) or '-', spell(name[2:]) or '.']))
    return '\n'.join(out + errors) + '\n'

vmlinuz, busybox, *images = sys.argv[1:]
for image in images:
    text = listing(boot(vmlinuz, probe(busybox) + open(image, 'rb').read()))
    with open(image + '.txt', 'w') as f:  # only now: a listing that was cut short must not look like an empty one
        f.write(text)
