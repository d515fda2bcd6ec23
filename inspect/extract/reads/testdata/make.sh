#!/bin/sh
# Makes reads.apk from the sources beside it: classes.dex of src, classes2.dex of second. Needs a JDK,
# aapt, zip, and dalvik-dx 9.0.0_r3 of Maven Central, whose jar DX names:
#
#	mvn dependency:copy -Dartifact=com.jakewharton.android.repackaged:dalvik-dx:9.0.0_r3 -DoutputDirectory=DIR
#	DX=DIR/dalvik-dx-9.0.0_r3.jar ./make.sh
set -eu
cd "$(dirname "$0")"
: "${DX:?names no dalvik-dx jar}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/gen" "$work/stubs" "$work/src" "$work/second" "$work/out"
aapt package -f -M AndroidManifest.xml -S res -J "$work/gen" -F "$work/reads.apk"
compile() { javac -nowarn -Xlint:-options -g --release 8 -d "$@"; }
compile "$work/stubs" $(find stubs -name '*.java')
compile "$work/src" -cp "$work/stubs" $(find src "$work/gen" -name '*.java')
compile "$work/second" -cp "$work/stubs:$work/src" $(find second -name '*.java')
compile "$work/src" $(find constants -name '*.java')
java -cp "$DX" com.android.dx.command.Main --dex --output="$work/out/classes.dex" "$work/src"
java -cp "$DX" com.android.dx.command.Main --dex --output="$work/out/classes2.dex" "$work/second"
touch -d 2020-01-01T00:00:00Z "$work"/out/*
(cd "$work/out" && TZ=UTC zip -q -X ../reads.apk classes.dex classes2.dex)
cp "$work/reads.apk" reads.apk
