#!/usr/bin/env bash
# Makes the tables of device trees beside it again. Installs nothing. Needs python3, dtc (Debian's
# device-tree-compiler) and lz4; in MKDTBOIMG utils/src/mkdtboimg.py of AOSP's system/libufdt as commit
# 047d4c328099 has it (SHA-256 eaabb204a46adcd2148cf620883e37fcc2037e9d0a502fb6e97115a8f8978fd8), which is
# run as it is; and in AOSP_SRC the source package that ../super/build-aosp.sh names, for avbtool.py.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
here=$PWD
mk=${MKDTBOIMG:?mkdtboimg.py of system/libufdt} avb=${AOSP_SRC:?the source package that ../super/build-aosp.sh names}/external/avb/avbtool.py
mk=$(realpath "$mk") avb=$(realpath "$avb")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

# Three overlays; a long property, so that compression has something to do.
for n in 1 2 3; do
	cat >board$n.dts <<D
/dts-v1/;
/plugin/;
/ {
	compatible = "nimbus,board$n";
	model = "$(printf "board $n, %.0s" $(seq $((n * 20))))";
	fragment@0 {
		target-path = "/soc";
		__overlay__ { status = "okay"; reg = <$n>; };
	};
};
D
	dtc -q -@ -I dts -O dtb -o board$n.dtb board$n.dts
done
# An ACPI table: a signature, its length in little-endian, and so on; of no device.
python3 -c "open('ssdt.aml', 'wb').write(b'SSDT' + (44).to_bytes(4, 'little') + bytes(range(36)))"

# Two entries of one file: mkdtboimg stores it once.
python3 "$mk" create v0.img --page_size=4096 --id=0x4d2 --custom3=7 board1.dtb board2.dtb --id=0x10002 --rev=3 --custom0=0xdeadbeef --custom1=1 \
	board1.dtb --id=0x10003 --custom2=0xffffffff
python3 "$mk" create v1.img --version=1 --id=1 board1.dtb --flags=0 board2.dtb --flags=1 --custom0=5 board3.dtb --flags=2 --rev=9 --custom2=6 \
	board1.dtb --flags=0xab3 --custom1=8 board2.dtb --flags=0x11 --id=2
python3 "$mk" create acpio.img --dt_type=acpi ssdt.aml --id=0x99 board3.dtb
cp v0.img avb.img
python3 "$avb" add_hash_footer --image avb.img --partition_name dtbo --dynamic_partition_size --salt 00 --algorithm NONE

for f in v0 v1 acpio avb; do
	mkdir $f
	python3 "$mk" dump $f.img -b $f/entry >$f.txt
	python3 "$mk" dump $f.img -b $f/plain --decompress >/dev/null
	cp $f.img $f.txt "$here"
done
sha256sum */* >"$here/SHA256SUMS"
