#!/usr/bin/env bash
# Makes the tars beside it again, byte for byte but for process numbers (sparse-0.1.tar, sparse-1.0.tar) and the time of
# a label (device.tar). Installs nothing. Needs GNU tar (1.34), bsdtar (libarchive-tools 3.6),
# busybox (1.35), md5sum and a folder for temporary files whose file system keeps holes.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
umask 022
cd "$(dirname "$0")"
out=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Files, folders and links; "long" has a name that only a prefix can hold, "longer" one that not even that can.
noise() { for i in $(seq "$2"); do printf '%s%s' "$1" "$i" | sha256sum | cut -c1-64; done; }
mkdir -p "$tmp/plain/sub/empty" "$tmp/all"
cd "$tmp/plain"
noise boot 40 >boot.img
noise vbmeta 1 >vbmeta.img
noise block 8 >sub/block
truncate -s 512 sub/block
: >sub/none
cp -a . ../all
cd ../all
long=$(printf 'd%.0s' $(seq 60))/$(printf 'e%.0s' $(seq 60))
longer=$(printf 'f%.0s' $(seq 120))/$(printf 'g%.0s' $(seq 180))
mkdir -p "${long%/*}" "${longer%/*}"
echo long >"$long"
echo longer >"$longer"
echo umlaut >"sub/$(printf 'h\303\244user')"
ln boot.img sub/hard
ln -s ../boot.img sub/link
ln -s /vendor sub/absolute
ln -s "$longer" far
mkfifo fifo
find "$tmp" -depth -exec touch -h -d '2024-05-06 07:08:09' {} +

g() { tar --sort=name --owner=0 --group=0 --numeric-owner "$@"; }
pax=--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime
b() { bsdtar --numeric-owner --uid 0 --gid 0 "$@"; }
cd "$tmp/plain"
g --format=v7 -cf "$out/v7.tar" .
g --format=ustar -b2 -cf "$out/ustar.tar" boot.img vbmeta.img sub
busybox tar cf "$out/busybox.tar" boot.img vbmeta.img sub/block sub/none sub/empty # owner: whoever runs this, root here
cd "$tmp/all"
g --format=ustar -b2 --exclude="${longer%/*}" --exclude=far -cf "$out/ustar-links.tar" .
g --format=gnu -b2 -cf "$out/gnu.tar" .
g --format=posix -b2 "$pax" -cf "$out/posix.tar" .
g --format=posix -b2 --pax-option=globexthdr.name=global,globexthdr.mtime=0,mtime=1700000000,comment=global,exthdr.name=x/%f,delete=atime,delete=ctime,delete=mtime \
	-cf "$out/posix-global.tar" boot.img sub/link
# libarchive from GNU tar's, since it would note the time of inodes.
for f in pax ustar gnutar v7tar; do
	from=posix; [ $f = pax ] || [ $f = gnutar ] || from=ustar-links; [ $f != v7tar ] || from=v7
	b --format=$f -b2 -cf "$out/bsd-$f.tar" @"$out/$from.tar"
done

# Numbers that do not fit octal digits; base-256 and PAX.
cp boot.img "$tmp/boot.img"
cd "$tmp"
for when in late:@99999999999 early:@-86400.25; do
	for f in gnu posix; do
		opt=$pax
		[ $f = posix ] || opt=--sort=name
		tar --format=$f "$opt" -b2 --mtime="${when#*:}" --owner=x:9999999 --group=0 --numeric-owner -cf "$out/$f-${when%%:*}.tar" boot.img
	done
done

# A member twice, a device, a volume's label.
cp plain/boot.img boot.img
touch -d '2024-05-06 07:08:09' boot.img
g --format=ustar -b2 -cf "$out/twice.tar" boot.img
noise new 3 >boot.img
touch -d '2024-05-06 07:08:10' boot.img
g --format=ustar -b2 -rf "$out/twice.tar" boot.img
g --format=gnu -b2 --mtime=@1700000000 -V label -cf "$out/device.tar" -C / dev/null
g --format=gnu --mtime=@1700000000 -cf "$out/empty.tar" -T /dev/null

# Six islands: more than the four that an old GNU header holds.
for i in 1 2 3 4 5 6; do noise s$i 1 | dd of=sparse bs=1 seek=$((i * 65536)) conv=notrunc status=none; done
touch -d '2024-05-06 07:08:09' sparse
g --format=gnu -S -b2 -cf "$out/sparse-gnu.tar" sparse boot.img
for v in 0.0 0.1 1.0; do
	g --format=posix -S --sparse-version=$v "$pax" -b2 -cf "$out/sparse-$v.tar" sparse boot.img
done

# Samsung's: md5sum's line behind a ustar, as its build scripts and all guides write it; on Windows with
# carriage returns and md5sum's binary mark; with the build information of its newer releases, whose form is
# that of BL_A405FNXXU4CVK1.
cp "$out/ustar.tar" AP_TEST.tar
md5sum -t AP_TEST.tar >>AP_TEST.tar
mv AP_TEST.tar "$out/AP_TEST.tar.md5"
cp "$out/ustar.tar" BL_TEST.tar
md5sum -b BL_TEST.tar | sed 's/$/\r/' >line
cat BL_TEST.tar line >"$out/BL_TEST.tar.md5"
cp "$out/ustar.tar" CSC_TEST.tar
printf 'Show the build information\nRBS BUILD_ID:58944467\noriginal_tar_file_size:%d\n' "$(stat -c %s CSC_TEST.tar)" >>CSC_TEST.tar
md5sum -t CSC_TEST.tar >>CSC_TEST.tar
mv CSC_TEST.tar "$out/CSC_TEST.tar.md5"

# What GNU tar takes out: files with their sums, links with their targets. bsdtar must agree.
cd "$out"
rm -f SHA256SUMS LINKS
for f in *.tar *.md5; do
	for by in tar bsdtar; do
		rm -rf "$tmp/x"
		mkdir "$tmp/x"
		$by -xf "$f" -C "$tmp/x" --exclude=dev/null 2>"$tmp/err" || { cat "$tmp/err"; [ $by = bsdtar ]; }
		(cd "$tmp/x" && find . -type f -printf '%P\n' | sort | while read -r n; do sha256sum "$n"; done) | sed "s|  |  $f/|" >"$tmp/sums.$by"
		(cd "$tmp/x" && find . -type l -printf '%P -> %l\n' | sort) | sed "s|^|$f/|" >"$tmp/links.$by"
	done
	cmp "$tmp/sums.tar" "$tmp/sums.bsdtar"
	cmp "$tmp/links.tar" "$tmp/links.bsdtar"
	cat "$tmp/sums.tar" >>SHA256SUMS
	cat "$tmp/links.tar" >>LINKS
done
