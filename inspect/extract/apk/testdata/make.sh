#!/bin/sh
# Compiles each folder here, a manifest and resources, into an APK beside it, with
# aapt against the framework's resources (Debian: aapt, android-framework-res).
set -eu
cd "$(dirname "$0")"
framework=/usr/share/android-framework-res/framework-res.apk
for dir in */; do
	name=${dir%/}
	set -- -M "$name/AndroidManifest.xml"
	[ ! -d "$name/res" ] || set -- "$@" -S "$name/res"
	aapt package -f -I "$framework" -F "$name.apk" "$@"
done
