#!/usr/bin/env bash
# Makes the trees and parities beside it again. Installs nothing. Needs Debian's cryptsetup-bin, python3, in AOSP_BIN the
# folder that build-aosp.sh filled, and in AOSP_SRC the source package that it was filled from (for avbtool.py).
# All data are the first bytes of one stream, which is not stored; cases.txt says how many.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
here=$PWD tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bin=$(cd "${AOSP_BIN:?the folder that build-aosp.sh filled}" && pwd)
avbtool="$(cd "${AOSP_SRC:?the source package of android-platform-tools}" && pwd)/external/avb/avbtool.py"
cd "$tmp"

# SHA-256 of "verity", SHA-256 of that, and so on.
python3 - <<'P'
import hashlib
out, d = b'', b'verity'
while len(out) < 1 << 21:
    d = hashlib.sha256(d).digest()
    out += d
open('stream', 'wb').write(out)
P
data() { head -c "$1" stream >"$2"; }
salt=00a1b2c3d4e5f60718293a4b5c6d7e8f00a1b2c3d4e5f60718293a4b5c6d7e00

# tree FILE TOOL HASH BLOCK BARE SIZE SALT ROOT: the tree over the first SIZE bytes.
# fec FILE TOOL ROOTS BLOCK SIZE TREE HEADER: the parity of the first SIZE bytes, filled up to whole blocks, and that tree.
row() { echo "$*" >>cases; }

avb() { # NAME HASH BLOCK SIZE ROOTS (0: none)
	data "$4" "$1.img"
	local fec=--do_not_generate_fec
	[ "$5" = 0 ] || fec="--fec_num_roots $5"
	PATH=$bin:$PATH python3 "$avbtool" add_hashtree_footer --image "$1.img" --partition_name x --partition_size 4194304 \
		--hash_algorithm "$2" --block_size "$3" --salt $salt $fec
	python3 "$avbtool" info_image --image "$1.img" >info
	get() { sed -n "s/^ *$1: *\([^ ]*\).*/\1/p" info; }
	row tree "$1.tree" avbtool "$2" "$3" true "$4" $salt "$(get 'Root Digest')"
	dd status=none if="$1.img" of="$here/$1.tree" iflag=skip_bytes,count_bytes skip="$(get 'Tree Offset')" count="$(get 'Tree Size')"
	[ "$5" = 0 ] && return
	row fec "$1.fec" avbtool "$5" "$3" "$4" "$1.tree" false
	dd status=none if="$1.img" of="$here/$1.fec" iflag=skip_bytes,count_bytes skip="$(get 'FEC offset')" count="$(get 'FEC size')"
}
avb avb-sha256 sha256 4096 531480 2
avb avb-sha1 SHA1 512 40960 0
avb avb-one sha256 4096 4096 0

aosp() { # NAME SIZE
	data "$2" d
	set -- "$@" "$("$bin/build_verity_tree" -A $salt d "$here/$1.tree")"
	row tree "$1.tree" build_verity_tree sha256 4096 false "$2" $salt "${3%% *}"
}
aosp aosp-one 4096
aosp aosp-two 528384

vs() { # NAME HASH BLOCK SIZE SALT ROOTS (0: none)
	data "$4" d
	local fec=
	rm -f f t
	[ "$6" = 0 ] || fec="--fec-device=f --fec-roots=$6"
	veritysetup format --no-superblock --format=1 --hash="$2" --salt="$5" --data-block-size="$3" --hash-block-size="$3" $fec d t >info
	row tree "$1.tree" veritysetup "$2" "$3" true "$4" "$5" "$(sed -n 's/^Root hash:[[:space:]]*//p' info)"
	cat t >"$here/$1.tree"
	[ "$6" = 0 ] && return
	row fec "$1.fec" veritysetup "$6" "$3" "$4" "$1.tree" false
	cat f >"$here/$1.fec"
}
vs vs-sha512 sha512 512 40960 $salt 24
vs vs-sha384 sha384 1024 20480 $salt 9
vs vs-sha256 sha256 512 153600 00 2
vs vs-sha1 sha1 1024 33792 - 0
vs vs-one sha256 4096 4096 $salt 0

aospfec() { # NAME SIZE ROOTS OPTIONS
	data "$2" d
	"$bin/fec" -e -r "$3" "${@:4}" d "$here/$1.fec" 2>/dev/null
	row fec "$1.fec" fec "$3" 4096 "$2" - true
}
aospfec fec-two 1040384 2
aospfec fec-padded 409600 3 -p 4096
cp cases "$here/cases.txt"
