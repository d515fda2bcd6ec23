#!/usr/bin/env bash
# Makes the ext4 images beside it again, each with a list of what the Linux kernel, or else the
# tool named here, sees in it. Installs nothing. Needs root, loop devices, Linux with ext4 and fscrypt, Debian 12's
# e2fsprogs and python3, and in E2FSDROID_BIN the folder that build-e2fsdroid.sh filled. Images that the
# kernel writes to have its times and generations in them: they are not the same byte for byte.
set -euo pipefail
export LC_ALL=C E2FSPROGS_FAKE_TIME=1230768000
cd "$(dirname "$0")"
here=$PWD
bin=${E2FSDROID_BIN:?the folder that build-e2fsdroid.sh filled}
tmp=$(mktemp -d)
trap 'umount "$tmp/m" 2>/dev/null || true; rm -rf "$tmp"' EXIT
mkdir "$tmp/m"
# What nobody writes to is 0xa5, so that blocks that are not to be read can be told from zeros.
make() {
	head -c "$2" /dev/zero | tr '\0' '\245' >"$tmp/$1"
	mke2fs -q -F -U 01234567-89ab-cdef-0123-456789abcdef -E "nodiscard,lazy_itable_init=0,hash_seed=76543210-fedc-ba98-7654-3210fedcba98${ext:-}" "${@:3}" "$tmp/$1" 2>"$tmp/err" ||
		{ cat "$tmp/err"; exit 1; }
}
list() { mount -t ext4 -o loop,ro,noload "$tmp/$1" "$tmp/m"; "$here/tree.py" list "$tmp/m" >"$1.txt"; umount "$tmp/m"; }
keep() { e2fsck -fn "$tmp/$1" >"$tmp/err" 2>&1 || [ "${2:-}" = any ] || { cat "$tmp/err"; exit 1; }; gzip -9nc "$tmp/$1" >"$1.gz"; }
# written NAME SIZE "PARTS" MKE2FS-OPTIONS...: the kernel writes the files.
written() {
	make "$1" "$2" "${@:4}"
	mount -o loop,user_xattr "$tmp/$1" "$tmp/m"
	"$here/tree.py" make "$tmp/m" $3
	[ ! -e "$tmp/m/modes/none" ] || chattr +i "$tmp/m/modes/none"
	umount "$tmp/m"
	list "$1"; keep "$1"
}
# copied NAME SIZE "PARTS" MKE2FS-OPTIONS...: mke2fs -d writes them.
copied() {
	rm -rf "$tmp/tree"; "$here/tree.py" make "$tmp/tree" $3
	make "$1" "$2" -d "$tmp/tree" "${@:4}"
	list "$1"; keep "$1"
}
most="plain names links nodes modes attrs"

copied ext2.img 8M "$most hole frag" -t ext2 -b 1024 -I 128 -N 600
copied rev0.img 1M "plain links nodes" -t ext2 -r 0 -O none -b 1024 -N 128 -m 0
copied block2k.img 8M "$most hole frag" -t ext4 -b 2048 -O ^has_journal,^metadata_csum,uninit_bg,64bit -N 400
written htree.img 16M "$most hole frag unwritten many" -t ext4 -b 1024 -O ^has_journal,metadata_csum -N 512
written inline.img 6M "$most hole frag unwritten" -t ext4 -b 4096 -O ^has_journal,inline_data,metadata_csum_seed -I 256 -N 400
written inline1k.img 1M "plain names links" -t ext4 -b 1024 -O ^has_journal,inline_data -I 1024 -N 180
written bigalloc.img 16M "$most hole unwritten" -t ext4 -b 4096 -O ^has_journal,bigalloc -C 16384 -N 400
written metabg.img 24M "$most hole frag" -t ext4 -b 1024 -g 512 -O ^has_journal,meta_bg,^resize_inode,64bit,sparse_super2,^flex_bg -N 1200
written eainode.img 2M "attrs huge-attrs" -t ext4 -b 4096 -O ^has_journal,ea_inode -N 64

# A block of 64 KiB is more than the kernel's pages, and it has no Unicode for casefold: the list is that of the tree.
rm -rf "$tmp/tree"; ./tree.py make "$tmp/tree" $most hole
./tree.py list "$tmp/tree" >block64k.img.txt
make block64k.img 16M -t ext4 -b 65536 -O ^has_journal,^resize_inode -N 400 -d "$tmp/tree"; keep block64k.img
rm -rf "$tmp/tree"; ./tree.py make "$tmp/tree" names
./tree.py list "$tmp/tree" >casefold.img.txt
ext=,encoding=utf8 make casefold.img 1M -t ext4 -b 1024 -O ^has_journal,casefold -N 64 -d "$tmp/tree"
debugfs -w -R 'sif /names flags 0x40080000' "$tmp/casefold.img" 2>/dev/null; keep casefold.img any

# Android's own tools: files with equal blocks share them.
rm -rf "$tmp/tree"; ./tree.py make "$tmp/tree" plain links modes frag
cp "$tmp/tree/plain/65536" "$tmp/tree/plain/again"; mkdir "$tmp/tree/bin"; cp "$tmp/tree/plain/4097" "$tmp/tree/bin/ping"
cat >"$tmp/config" <<'C'
bin/ping 0 2000 4755 capabilities=0x3000
bin 0 2000 755
plain/empty 1000 1000 600
C
cat >"$tmp/contexts" <<'C'
/system(/.*)?           u:object_r:system_file:s0
/system/bin/ping        u:object_r:ping_exec:s0
C
make android.img 4M -t ext4 -b 4096 -I 256 -N 256 -M /system -m 0 -O ^has_journal,^metadata_csum,^64bit,^resize_inode,uninit_bg,sparse_super,large_file,dir_index,ext_attr
"$bin/e2fsdroid" -e -s -T 1230768000 -C "$tmp/config" -S "$tmp/contexts" -f "$tmp/tree" -a /system "$tmp/android.img" >/dev/null
list android.img; keep android.img

# A journal that has not been replayed: the image is copied while it is mounted. Of what the kernel sees without the journal.
make dirty.img 6M -t ext3 -b 1024 -J size=1 -N 128
mount -o loop,commit=1 "$tmp/dirty.img" "$tmp/m"
./tree.py make "$tmp/m" plain links; sync; sleep 2
echo more >"$tmp/m/more"; sync; cp "$tmp/dirty.img" "$tmp/copy"; umount "$tmp/m"; mv "$tmp/copy" "$tmp/dirty.img"
list dirty.img; keep dirty.img any

# Encrypted with a key of 64 zeros: without the key the kernel lists other names than are stored.
make crypt.img 1M -t ext4 -b 1024 -O ^has_journal,encrypt -N 64
mount -o loop "$tmp/crypt.img" "$tmp/m"; ./crypt.py "$tmp/m"; umount "$tmp/m"
debugfs -R 'ls -l /secret' "$tmp/crypt.img" >crypt.img.debugfs.txt 2>/dev/null
keep crypt.img

# Small enough for every bit of it to be turned.
rm -rf "$tmp/tree"; mkdir -p "$tmp/tree/dir/sub"; echo small >"$tmp/tree/dir/sub/file"; ln -s dir/sub "$tmp/tree/link"; ln -s $(printf 't%.0s' {1..70}) "$tmp/tree/long"
for i in 0 1 2 3 4; do printf "%1024s" $i | dd of="$tmp/tree/extents" bs=1024 seek=$((2 * i)) conv=notrunc status=none; done
setfattr -n security.selinux -v u:object_r:system_file:s0 "$tmp/tree/extents"; setfattr -n user.long -v "$(printf 'v%.0s' {1..200})" "$tmp/tree/extents"
find "$tmp/tree" -exec touch -hd @1230768000 {} +
make tiny.img 72K -t ext4 -b 1024 -O ^has_journal,^resize_inode,metadata_csum,64bit,dir_index -N 24 -m 0 -d "$tmp/tree"
debugfs -w -R 'rmdir lost+found' "$tmp/tiny.img" 2>/dev/null
list tiny.img; keep tiny.img any
make tinysum.img 72K -t ext4 -b 1024 -O ^has_journal,^resize_inode,^metadata_csum,uninit_bg,^extents,^64bit -I 128 -N 24 -m 0 -d "$tmp/tree"
list tinysum.img; keep tinysum.img
# No checksums, so that a byte may be changed and the rest be read.
make tinyfree.img 72K -t ext4 -b 1024 -O ^has_journal,^resize_inode,^metadata_csum,^64bit,inline_data,ea_inode -I 256 -N 24 -m 0 -d "$tmp/tree"
list tinyfree.img; keep tinyfree.img
gzip -9nf htree.img.txt
