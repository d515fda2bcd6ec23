#!/usr/bin/env bash
# Builds AOSP's mkbootfs, which Debian ships in source only, into the folder that is named:
# build-mkbootfs.sh SOURCE OUT. SOURCE is the unpacked source package that ../super/build-aosp.sh names.
# Needs gcc. The source is compiled as it is; its table of owners, which is not asked where a file of them
# is given (-f), is left out.
set -euo pipefail
s=$(cd "${1:?build-mkbootfs.sh SOURCE OUT}" && pwd) out=$(mkdir -p "$2" && cd "$2" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/private"
cat >"$tmp/private/android_filesystem_config.h" <<'H'
#include <stdint.h>
#include <stdlib.h>
#define fs_config(...) abort()
H
cp "$tmp/private/android_filesystem_config.h" "$tmp/private/fs_config.h"
gcc -O1 -w -I"$tmp" "$s/system/core/mkbootfs/mkbootfs.c" -o "$out/mkbootfs"
