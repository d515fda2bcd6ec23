#!/bin/bash
# Runs in the machine that vm.sh starts, as root, with the disks of make.sh: makes the file systems,
# fills some with Linux and some with sload.f2fs, and lists what Linux sees in each.
set -eux
out=$(cd "$(dirname "$0")" && pwd)
ln -sfn /proc/self/fd /dev/fd
m=/tmp/m
disk=({a..i})
declare -A dev=()
for name in plain features journal normal sload large ro lzo tiny; do dev[$name]=/dev/vd${disk[${#dev[@]}]}; done
make() { "$out/mkfs.f2fs" -f -r -T 1700000000 "${@:2}" "${dev[$1]}"; }
sload() { "$out/sload.f2fs" -P -T 1700000000 "${@:2}" "${dev[$1]}"; }
on() { mount -t f2fs "${@:2}" "${dev[$1]}" $m; }
list() { python3 "$out/manifest.py" $m >"$out/$1.txt"; }
look() { on $1 -o ro; list $1; umount $m; }

python3 -c 'import hashlib, sys; sys.stdout.buffer.write(b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(1000)))' >/tmp/noise

# plain: a file system without any feature.
make plain -l plain -U 11111111-2222-3333-4444-555555555555
cp "${dev[plain]}" "$out/fresh.img"
on plain; python3 "$out/tree.py" $m full; umount $m
look plain

# features: all of them.
make features -l Straße -C utf8 \
	-O encrypt,extra_attr,project_quota,inode_checksum,flexible_inline_xattr,quota,inode_crtime,lost_found,verity,sb_checksum,casefold,compression
for algorithm in zstd,compress_log_size=2 lz4,compress_chksum,compress_log_size=3 zstd,compress_chksum,compress_log_size=8 lzo,compress_log_size=2 lzo-rle,compress_log_size=2; do
	on features -o compress_algorithm=$algorithm
	if [ ! -e $m/sizes ]; then python3 "$out/tree.py" $m full; fi
	d=$m/packed/$algorithm
	mkdir -p $d; chattr +c $d
	for n in 0 1 4096 16384 16385 100000; do head -c $n $m/large >$d/$n; done
	dd if=$m/large of=$d/nodes bs=4096 count=300 seek=750 # past the addresses in the inode
	cat $m/noise $m/noise $m/more-noise $m/noise $m/noise $m/noise $m/large | head -c 300000 >$d/mixed
	dd if=$m/large of=$d/holes bs=4096 count=9 seek=40
	truncate -s 1000000 $d/holes
	head -c 200000 $d/mixed >$d/released; sync
	f2fs_io release_cblocks $d/released
	umount $m
done
on features
mkdir $m/folded; chattr +F $m/folded
for n in Makefile Straße ÄÖÜ; do echo $n >$m/folded/$n; done
echo "cannot change" >$m/immutable; chattr +i $m/immutable
head -c 50000 $m/large >$m/verity; fsverity enable $m/verity
mkdir $m/secret $m/secret-folded; chattr +F $m/secret-folded
key=$(head -c 64 $m/large | xfs_io -c add_enckey $m | sed 's/.*identifier //')
for d in secret secret-folded; do
	xfs_io -c "set_encpolicy -v 2 $key" $m/$d
	for n in a another-name $(printf 'n%.0s' {1..150}); do echo $n >$m/$d/$n; done
	ln -s target $m/$d/link
	mkdir $m/$d/folder; echo x >$m/$d/folder/file
done
umount $m
look features

# journal, normal: as they are found after a crash, with changes to nodes in the last checkpoint, files
# behind it, and an orphan. The current segments of data of normal are so full that their summaries
# are not compact.
for name in journal normal; do
	make $name; on $name
	mkdir $m/kept; for i in {1..30}; do echo $i >$m/kept/$i; done
	if [ $name = normal ]; then for i in hot.db warm cold.mp4; do python3 -c 'print(end=(b"%2047d\n" % 7).decode() * 800)' >$m/$i; done; fi
	echo orphan >$m/orphan; exec 9<$m/orphan
	sync -f $m
	rm $m/orphan $m/kept/7; echo more >$m/more; mv $m/kept/8 $m/moved; mkdir $m/young
	sync -f $m; list $name
	echo late >$m/late; sync $m/late; echo "not seen" >$m/kept/1; sync $m/kept/1
	dd if="${dev[$name]}" of="$out/$name.img" bs=1M conv=sparse iflag=direct
	exec 9<&-; umount $m
done

# tiny: a little of each kind, to be broken.
make tiny -C utf8 -O encrypt,extra_attr,inode_checksum,flexible_inline_xattr,inode_crtime,verity,sb_checksum,casefold,compression
for algorithm in lz4,compress_chksum zstd; do
	on tiny -o compress_algorithm=$algorithm
	mkdir $m/$algorithm; chattr +c $m/$algorithm
	for i in 1 2; do head -c 12000 /tmp/noise; printf '%20000d' $i; done >$m/$algorithm/mixed
	[ $algorithm = zstd ] || umount $m
done
echo hello >$m/inline; head -c 5000 /tmp/noise >$m/blocks
mkdir $m/folder $m/folded; chattr +F $m/folded; echo x >$m/folded/Name
for i in {1..8}; do ln $m/inline $m/folder/$i$(printf 'n%.0s' {1..250}); done
ln -s inline $m/fast; ln -s $(printf 'x/%.0s' {1..1900})y $m/slow; mknod $m/null c 1 3; mkfifo $m/fifo
for at in 0 900 1900 3000 6000 1039300 2076000; do head -c 4096 /tmp/noise | dd of=$m/holes bs=4096 seek=$at conv=notrunc; done
setfattr -n security.selinux -v u:object_r:system_file:s0 $m/inline
setfattr -n security.selinux -v u:object_r:system_file:s0 $m/blocks
setfattr -n user.long -v $(printf 'v%.0s' {1..1000}) $m/blocks
head -c 5000 /tmp/noise >$m/verity; fsverity enable $m/verity
mkdir $m/secret; key=$(head -c 64 /tmp/noise | xfs_io -c add_enckey $m | sed 's/.*identifier //')
xfs_io -c "set_encpolicy -v 2 $key" $m/secret; echo x >$m/secret/x; chattr +i $m/secret/x
umount $m
look tiny

# What sload.f2fs writes: as for Android's vendor, with a large bitmap of nodes, compressed and read-only.
t=/tmp/tree p=/tmp/packed
mkdir $t $p
python3 "$out/tree.py" $t plain
printf '%s\n' '/(.*)? u:object_r:system_file:s0' '/modes(/.*)? u:object_r:vendor_file:s0' >/tmp/contexts
make sload -g android -l vendor
sload sload -f $t -t / -s /tmp/contexts
make large -i -l large
sload large -f $t/names -t /
for n in 0 1 4096 16384 16385 100000 5000000; do head -c $n $t/large >$p/$n; done
cat $t/noise $t/noise $t/more-noise $t/noise $t/noise $t/noise $t/large | head -c 200000 >$p/mixed
for name in ro lzo; do make $name -O ro,extra_attr,inode_checksum,sb_checksum,compression; done
sload ro -f $p -t / -c -L 2 -a lz4 -r
sload lzo -f $p -t / -c -L 3 -a lzo
for name in sload large ro lzo; do look $name; done
