#!/bin/sh
# Records the outputs of the nodes of samples/services.knet: sudo sh record.sh, after `npm run build`.
cd "$(dirname "$0")" || exit 1
root=../../../../..
lab=$(mktemp)
node $root/dist/knet.cjs lab $root/samples/services.knet -o "$lab" --name record >/dev/null || exit 1
bash "$lab" up >/dev/null || exit 1
for node in n1 n2 n3; do
  mkdir -p nodes/$node
  run="ip netns exec record.prod.$node"
  $run ip -j addr >nodes/$node/addr.json
  $run ip -j -d link >nodes/$node/link.json
  $run ip -j -4 route show table all >nodes/$node/route4.json
  $run ip -j -6 route show table all >nodes/$node/route6.json
  $run ip -j -4 rule >nodes/$node/rule4.json
  $run ip -j -6 rule >nodes/$node/rule6.json
  $run ip -j neigh >nodes/$node/neigh.json
  $run bridge -j fdb >nodes/$node/fdb.json
  $run iptables-legacy-save >nodes/$node/iptables-save.txt
  $run sysctl -a 2>/dev/null | grep -E 'ip_forward|forwarding|rp_filter|proxy_arp|bridge-nf|route_localnet' >nodes/$node/sysctl.txt
done
bash "$lab" down >/dev/null
rm "$lab"
