#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Two quarters in miniature: generates them, runs them through probe and collector, prints tables
# and makes the report of the second. Needs no NIC, hugepages or configuration. DIR (default build/demo)
# keeps captures and database to go on with.
set -eu
build=${1:-build}
dir=${2:-$build/demo}
app=$build/app
cd "$(dirname "$0")/.."
PATH=$(cd "$app" && pwd):$PATH
rm -rf "$dir"
mkdir -p "$dir"

# run COMMAND...: shows it, then runs it
run() {
	printf '\n$ %s\n' "$*"
	"$@"
}

say() {
	printf '\n%s\n' "$*"
}

say "== Traffic of July to December 2024 for four sensors: two in access networks, one in a cloud, one overseas"
run teiten-gen --scenario config/demo/scenario.json --sensors config/demo/sensors.json \
	--truth "$dir/truth.json" --write-rir "$dir/rir" "$dir/q3.pcap" "$dir/q4.pcap"

say "== Through probe and collector"
run teiten replay --timezone Asia/Tokyo -s config/demo/sensors.json --rir "$dir/rir" \
	--watches config/watches.json --db "$dir/demo.db" "$dir/q3.pcap" "$dir/q4.pcap"

db=$dir/demo.db
say "== Table 1: services probed on the domestic sensors, October to December, with previous ranks"
run teiten top --db "$db" --by port --country JP --rank rate --icmp one --period 2024Q4 --previous 2024Q3 -n 5

say "== Table 2: source regions (RIR registration) of what arrives there"
run teiten top --db "$db" --by region --country JP --rank rate --period 2024Q4 --previous 2024Q3 -n 5

say "== A topic: DNS answers (UDP source port 53) from domestic sources. Who saw them?"
run teiten top --db "$db" --by sensor --class reflection --port udp/53 --region JP --period 2024-12

say "== On which days?"
run teiten series --db "$db" --step day --class reflection --port udp/53 --region JP \
	--sensor jp-cloud --from 2024-12-03 --to 2024-12-21 --format table

say "== The report of October to December, in English and in Japanese"
run teiten report --db "$db" --period 2024Q4 -c config/demo/report.json --lang en -o "$dir/report"
run teiten report --db "$db" --period 2024Q4 -c config/demo/report.json --lang ja -o "$dir/report-ja"

say "The database is $db; ask it yourself, for example:"
say "  $app/teiten top --db $db --by source --period 2024Q4
  $app/teiten sql --db $db \"SELECT sensor, count(*) FROM observation GROUP BY sensor\""
say "The report is $dir/report/report.html (in Japanese: $dir/report-ja/report.html); it prints on A4."
