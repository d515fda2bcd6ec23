#!/usr/bin/env bash
# Makes the images beside it again, byte for byte. Must be root, since it makes devices and mounts; installs nothing.
# Needs squashfs-tools (4.5.1) with every compression, squashfs-tools-ng (1.2.0), attr, python3, xz, gzip, a Linux that has squashfs with all but lzma,
# and a folder for temporary files whose file system keeps holes and attributes of the namespaces trusted and security.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
cd "$(dirname "$0")"
out=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
when() { find . -depth -exec touch -h -d "$1" {} +; }
a() { setfattr -h -n "$1" -v "$2" "$3"; }

# One tree of awkward files.
mkdir -p "$tmp/all" "$tmp/large" "$tmp/many/many" "$tmp/empty" "$tmp/holes" "$tmp/tiny/sub"
cd "$tmp/all"
seq -f 'line %06g of a file that is long enough' 220 >text
for n in 0 1 2 100 4095 4096 4097 8192 8193; do head -c $n text >size$n; done
mkdir -p sub/empty "$(printf 'deep/%.0s' $(seq 30))" sticky
python3 - <<'P'
import hashlib
noise = b''.join(hashlib.sha256(b'%d' % i).digest() for i in range(160))
open('noise', 'wb').write(noise)                    # which no method makes smaller
open('mixed', 'wb').write(noise[:4096] + bytes(4096) + b'x' * 4096 + noise[:100])
code = bytearray()                                  # calls of one address, which the filter for x86 makes alike
for i in range(900):
    code += b'\xe8' + ((0x20000 - len(code) - 5) & 0xffffffff).to_bytes(4, 'little') + b'\x90' * (i % 7)
open('code', 'wb').write(code)
P
truncate -s 20000 hole
truncate -s 50000 holes
printf 'first' | dd of=holes conv=notrunc status=none
printf 'middle' | dd of=holes bs=1 seek=30000 conv=notrunc status=none
truncate -s 8192 zeros
cp size4097 same # which is stored once
ln size100 sub/hard
ln size100 zhard
ln size0 sub/hard0
ln -s size100 fast
ln -s /system/etc absolute
ln -s "$(printf 'slow/%.0s' $(seq 200))" slow
ln -s nowhere dangling
ln -s "$(printf 'caf\351 %%41')" raw
echo long >"$(printf 'n%.0s' $(seq 255))"
echo u >"$(printf 'gr\303\274n')"
echo x >"$(printf 'caf\351')"
echo y >'a b%41!#:'
mknod null c 1 3
mknod disk b 259 70000
mkfifo pipe
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
echo s >setuid
chown 1000:2000 size2
chown 100000:65534 sub
chmod 6755 setuid
chmod 0 size1
chmod 1777 sticky
for f in text sub fast null disk pipe socket setuid; do a security.selinux "u:object_r:system_$f:s0" $f; done
a security.capability 0sAQAAAgAgAAAAAAAAAAAAAAAAAAA= text
a user.empty '' text
a trusted.overlay.opaque y sub
for f in text size100 noise; do a user.large "$(printf 'large%.0s' $(seq 100))" $f; done # a value that is stored once
a user.other "$(printf 'other%.0s' $(seq 10))" noise
when '2024-05-06 07:08:09'
touch -d @0 size1
touch -d @4294967295 size2

# Files of several blocks that are large.
cd "$tmp/large"
seq -f 'line %08g of a file that is long enough to have several blocks' 17000 >long
for n in 131071 131072 131073 1048576 1048577; do head -c $n long >size$n; done
truncate -s 3000000 hole
tail -c 1000 long >>hole
when '2024-05-06 07:08:09'

cd "$tmp/holes"
truncate -s 100000000 huge # of more blocks than are listed in one block of metadata
printf end >>huge
printf middle | dd of=huge bs=1 seek=77777777 conv=notrunc status=none
when '2024-05-06 07:08:09'

cd "$tmp/many"
for i in $(seq 3000); do echo $((i % 7)) >"many/file-$i"; done
when '2024-05-06 07:08:09'
cd "$tmp/empty"
when '2024-05-06 07:08:09'

# As little as has something of all.
cd "$tmp/tiny"
head -c 9000 "$tmp/all/text" >blocks
head -c 100 "$tmp/all/text" >tail
ln tail sub/hard
ln -s blocks link
mknod null c 1 3
mkfifo pipe
a security.selinux u:object_r:a:s0 blocks
a security.selinux u:object_r:a:s0 sub
a user.large "$(printf 'large%.0s' $(seq 20))" tail
for f in null pipe link; do a security.selinux u:object_r:a:s0 $f; done
a user.large "$(printf 'large%.0s' $(seq 20))" blocks
when '2024-05-06 07:08:09'

sqfs() { # tree image options
	rm -f "$out/$2"
	mksquashfs "$tmp/$1" "$out/$2" -mkfs-time 1700000000 -no-progress -quiet -processors 1 -nopad "${@:3}" >/dev/null
}
sqfs all gzip.img
sqfs all gzip-options.img -Xcompression-level 1 -Xwindow-size 9 -b 16K
sqfs all lz4.img -comp lz4
sqfs all lz4-4k.img -comp lz4 -Xhc -b 4K -no-exports -no-fragments -no-duplicates # as Android calls it
sqfs all xz.img -comp xz
sqfs all xz-bcj.img -comp xz -Xbcj x86,arm,armthumb,powerpc,sparc,ia64 -Xdict-size 8K -b 8K
sqfs all zstd.img -comp zstd -b 1M
sqfs all lzma.img -comp lzma -b 4K
sqfs all plain.img -noI -noD -noF -noX -b 4K
sqfs all plain-inodes.img -noI -b 4K -no-exports
sqfs all plain-rest.img -noX -noId -b 64K
sqfs all no-fragments.img -no-fragments -b 4K
sqfs all always-fragments.img -always-use-fragments -b 4K
sqfs all no-xattrs.img -no-xattrs -no-sparse -all-root
sqfs large large-xz.img -comp xz -b 1M
sqfs holes holes.img -b 4K -no-exports
sqfs many many.img -comp xz
sqfs empty empty.img
for c in gzip lz4 xz zstd lzma lzo; do
	sqfs tiny tiny-$c.img -comp $c -b 4K
done
sqfs tiny tiny-plain.img -noI -noD -noF -noX -b 4K
sqfs tiny tiny-plain-lz4.img -comp lz4 -noI -noX -b 4K -no-exports
sqfs tiny tiny-padded.img -b 4K
truncate -s 4096 "$out/tiny-padded.img"
# By another's hand.
gensquashfs -f -q -k -x -c xz -e -B 1024 -D "$tmp/all" "$out/ng-xz.img"
gensquashfs -f -q -k -x -c lz4 -b 4096 -B 1024 -D "$tmp/tiny" "$out/ng-lz4.img"
# Appended to: the tree of a first image becomes a folder, and a second one goes beside it.
sqfs tiny append.img -comp zstd -b 4K
mksquashfs "$tmp/holes" "$out/append.img" -mkfs-time 1700000000 -no-progress -quiet -processors 1 -nopad -root-becomes first -no-recovery >/dev/null

# The truth is the tree. Linux and unsquashfs have to find the same in the images.
cd "$out"
for t in all large holes many empty tiny; do
	./list.py "$tmp/$t" >$t.txt
done
./list.py --no-xattrs "$tmp/all" | awk -F'\t' -v OFS='\t' '{$2 = 0; $3 = 0; print}' >"$tmp/no-xattrs.txt"
mkdir "$tmp/mount"
mounted() { # image options
	cp "$1" "$tmp/padded" # Linux reads whole blocks of the device
	truncate -s %4096 "$tmp/padded"
	mount -t squashfs -o loop,ro "$tmp/padded" "$tmp/mount"
	./list.py "${@:2}" "$tmp/mount" || echo "$1: Linux cannot read it"
	umount "$tmp/mount"
}
for f in *.img; do
	case $f in
	ng-*) # which leaves out links, empty attributes, and unsquashfs cannot read with lz4
		mounted "$f" --links >"${f%.img}.txt"
		continue
		;;
	large-*) truth=large.txt ;;
	tiny-*) truth=tiny.txt ;;
	many.img | holes.img | empty.img) truth=${f%.img}.txt ;;
	no-xattrs.img) truth=$tmp/no-xattrs.txt ;;
	append.img) truth=append.txt ;;
	*) truth=all.txt ;;
	esac
	rm -rf "$tmp/x"
	unsquashfs -quiet -no-progress -processors 1 -d "$tmp/x" "$f" >/dev/null
	./list.py "$tmp/x" >"$tmp/x.txt"
	[ $f != append.img ] || cp "$tmp/x.txt" append.txt
	cmp "$tmp/x.txt" "$truth"
	case $f in *lzma*) continue ;; esac
	mounted "$f" >"$tmp/x.txt"
	cmp "$tmp/x.txt" "$truth"
done
xz -f many.txt ng-xz.txt
gzip -9n -f plain.img plain-inodes.img
chmod 644 ./*.img* ./*.txt*
