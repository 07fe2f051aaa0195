#!/bin/sh
# What Sentinel calls when a primary has another address (`sentinel client-reconfig-script`): it writes the new
# address into the configuration of twemproxy, and lets it begin again with that. Sentinel gives
#
#     NAME ROLE STATE FROM-IP FROM-PORT TO-IP TO-PORT
#
# and calls it again when it ends with code 1. NAME is the name in `sentinel monitor` and in nutcracker.yml.
# ROLE tells whether this Sentinel leads the failover: each machine with a twemproxy has a Sentinel of its own, so
# all of them do the same for theirs. It may be called twice with the same address: the second time nothing happens.
set -eu
name=$1 to_ip=$6 to_port=$7
config=${NUTCRACKER_CONFIG:-/etc/nutcracker/nutcracker.yml}
restart=${NUTCRACKER_RESTART:-systemctl restart nutcracker}

# Two failovers at once each change a line of their own.
exec 9>"$config.lock"
flock 9

line=" - $to_ip:$to_port:1 $name"
if grep -qF -- "$line" "$config"; then exit 0; fi
# With the rights that it has: Sentinel's umask would keep the proxy's user from reading it.
cp -p "$config" "$config.new"
sed "s/^\( *\)- [^ ]* $name\$/\1- $to_ip:$to_port:1 $name/" "$config" >"$config.new"
grep -qF -- "- $to_ip:$to_port:1 $name" "$config.new"
nutcracker -t -c "$config.new" >/dev/null 2>&1 || exit 1
mv "$config.new" "$config"
$restart 9>&-
