#!/usr/bin/env bash
# Assembles a folder of DEX files with more than six million instructions, for
# the benchmark of inspect/format/dex, out of public jars from Maven Central:
#
#	ota/otatest/dexcorpus.sh FOLDER
#	OTAVET_DEX=FOLDER go test -run='^$' -bench=Walk ./inspect/format/dex
#
# Needs mvn, java, and 6 GB of memory; takes some minutes. No test needs it.
set -euo pipefail
out=${1:?"usage: $0 FOLDER"}
mkdir -p "$out"
jars=$(mktemp -d)
trap 'rm -rf "$jars"' EXIT

# The dexer that Android's build tools had until 2020, and jars that are large and
# whose classes are old enough for it (Java 8 and below): 6,032,062 instructions.
while read -r coordinates sum; do
	mvn -q -B dependency:copy -Dartifact="$coordinates" -DoutputDirectory="$jars"
	IFS=: read -r _ name version <<<"$coordinates"
	echo "$sum  $jars/$name-$version.jar" | sha256sum --check --quiet
done <<'JARS'
com.jakewharton.android.repackaged:dalvik-dx:11.0.0_r3 37581a56fded15ec6f88b46d3c7704cc700a3371f9e75f41b2121e3287769ba9
org.jetbrains.kotlin:kotlin-compiler-embeddable:1.3.72 79500b867b1194cf781ac98d5c706331a3d3ce8448437f536f8d4cc2faff50c3
org.scala-lang:scala-compiler:2.11.12 3e892546b72ab547cb77de4d840bcfd05c853e73390fed7370a8f19acb0735a0
com.google.javascript:closure-compiler-unshaded:v20180204 953395152ea4dff8ff430b5fa7615ccdefc018448371250aac5024c13e63412a
org.jruby:jruby-core:9.1.17.0 0ee45099644690809fad8031942cb06e0455260187be2d27581634f8c72882b9
org.codehaus.groovy:groovy-all:2.4.21 de65260cf2070442e99882f2f3d72e7531725c1e6a257446cc0cea525c607bd0
org.apache.spark:spark-core_2.11:2.4.8 000be14cf22ec87da5eb168745709c5804df249510e3c2893c8fdbb1e781a6cb
org.apache.spark:spark-catalyst_2.11:2.4.8 cb5bf2bd66b2550fbcf50fc75fe7c06e6e70840afc302b3a7e1c0b6f010e9d13
JARS

for jar in "$jars"/*.jar; do
	name=$(basename "$jar" .jar)
	[[ $name != dalvik-dx-* ]] || continue
	mkdir -p "$out/$name"
	# --core-library: the jars hold classes of java and javax, too.
	java -Xmx5g -cp "$jars"/dalvik-dx-*.jar com.android.dx.command.Main --dex --core-library --multi-dex \
		--min-sdk-version=26 --num-threads=2 --output="$out/$name" "$jar" 2>"$jars/log" || { cat "$jars/log"; exit 1; }
done
find "$out" -name '*.dex' -exec ls -l {} +
