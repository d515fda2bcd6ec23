#!/usr/bin/env bash
# Builds Android's e2fsdroid, which Debian ships in source only, into the folder that is named:
# build-e2fsdroid.sh SOURCE OUT. SOURCE is the unpacked source package, configured, its libraries made:
#
#     apt-get source --download-only e2fsprogs=1.47.0-2   # Debian 12
#     tar xf e2fsprogs_1.47.0.orig.tar.gz && cd e2fsprogs-1.47.0 && ./configure --disable-nls && make libs
#
# Needs gcc and the headers of libselinux1-dev. The sources are compiled as they are. canned_fs_config.c
# stands in for libcutils' reader of fs_config files.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
s=$(cd "${1:?build-e2fsdroid.sh SOURCE OUT}" && pwd) out=$(mkdir -p "$2" && cd "$2" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/private"
cat >"$tmp/private/canned_fs_config.h" <<'H'
#include <stdint.h>
#include <linux/capability.h>
int load_canned_fs_config(const char *file);
void canned_fs_config(const char *path, int dir, const char *out, unsigned *uid, unsigned *gid, unsigned *mode, uint64_t *caps);
#define fs_config canned_fs_config
H
touch "$tmp/private/android_filesystem_config.h" "$tmp/private/fs_config.h"
c=$s/contrib/android
gcc -O1 -w -D_GNU_SOURCE -DHAVE_CONFIG_H -I"$tmp" -I"$s/lib" -I"$s/lib/ext2fs" -I"$s/misc" -I"$s" \
	"$c"/{e2fsdroid,block_range,fsmap,block_list,base_fs,perms,basefs_allocator}.c "$s/misc/create_inode.c" "$here/canned_fs_config.c" \
	"$s"/lib/{libext2fs,libcom_err,libsupport}.a -lselinux -lpthread -o "$out/e2fsdroid"
