#!/bin/sh
# Makes aapt.apk and aapt2.apk from app/, and renamed.apk, which is the latter with the files of resources and
# the names of resources changed, as tools that shrink apps do. Needs aapt, aapt2 and Debian's android-framework-res.
set -eu
cd "$(dirname "$0")"
framework=/usr/share/android-framework-res/framework-res.apk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
aapt package -f --min-sdk-version 21 -I "$framework" -M app/AndroidManifest.xml -S app/res -F aapt.apk
aapt2 compile --dir app/res -o "$work/res.zip"
aapt2 link -I "$framework" --manifest app/AndroidManifest.xml --min-sdk-version 21 -o "$work/aapt2.apk" "$work/res.zip"
cp "$work/aapt2.apk" aapt2.apk
aapt2 optimize --enable-resource-path-shortening --enable-resource-obfuscation -o "$work/renamed.apk" "$work/aapt2.apk"
cp "$work/renamed.apk" renamed.apk
