# The place of a cluster: its number, and with that its addresses, veth pair and cgroup. No two clusters on a
# machine have the same. A place is taken for as long as its lock is held, and process 1 of the node holds it:
# so it is free again however that ends, and nothing stale is left to judge.

PLACES=16
locks=/run/anomal-testbed # machine-wide, so not below anyone's cache
NODE=node1

# place NUMBER: what follows from it
place() {
  number=$1
  HOST_IP=10.244.255.$((4 * number + 1)) # the machine's end of the veth pair
  NODE_IP=10.244.255.$((4 * number + 2)) # the node's end
  POD_CIDR=10.244.$number.0/24
  SERVICE_CIDR=10.96.$((16 * number)).0/20
  SERVICE_IP=10.96.$((16 * number)).1 # of the Service `kubernetes`
  VETH=anomal$number
  CGROUP=anomal-testbed-$number
  API=https://$NODE_IP:6443
}

# Takes a place: at first the one that the state folder's name leads to, so that it is mostly the same.
claim() {
  local first i
  mkdir -p "$locks"
  first=$(cksum <<<"$state")
  for ((i = 0; i < PLACES; i++)); do
    place $(((${first%% *} + i) % PLACES))
    exec 9<>"$locks/$number"
    if flock -n 9 && ! routed_elsewhere; then
      echo "$number" >"$state/slot"
      echo "$state" >"$locks/$number"
      sweep_place # of one that was killed and whose state folder is gone
      return
    fi
    exec 9>&-
  done
  die "all $PLACES places for clusters on this machine are taken: bring one down ('ip link' shows them as anomal0, anomal1, ...)"
}

# Does something else on the machine use these addresses?
routed_elsewhere() {
  local range
  for range in "$POD_CIDR" "$SERVICE_CIDR" "$NODE_IP/30"; do
    [[ -z $(ip -o route show table all root "$range" | grep -vE " dev $VETH( |$)") ]] || return 0
  done
  return 1
}

# Removes what the last cluster of this state folder left on the machine, unless another has its place by now.
sweep() {
  [[ -s $state/slot ]] || return 0
  mkdir -p "$locks"
  place "$(<"$state/slot")"
  exec 9<>"$locks/$number"
  if flock -w 10 9; then
    sweep_place
  elif [[ $(<"$locks/$number") == "$state" ]]; then
    die "something of the cluster still runs, and has 'anomal$number': look for 'unshare' and 'nsenter' in the list of processes"
  fi
  exec 9>&-
}

sweep_place() {
  local folder
  wait_for 10 "$VETH to go" bash -c "! ip link show $VETH || ip link delete $VETH"
  for folder in /sys/fs/cgroup/"$CGROUP" /sys/fs/cgroup/*/"$CGROUP"; do
    [[ -d $folder ]] || continue
    wait_for 20 "$folder to be empty" bash -c "find $folder -depth -type d -exec rmdir {} + ; ! [ -d $folder ]"
  done
}

# Folders for the kubelet's --cgroup-root, in every hierarchy (version 1) or in the one (version 2).
cgroups() {
  local root controllers
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    root=/sys/fs/cgroup
    controllers=$(sed 's/\(^\| \)/\1+/g' "$root/cgroup.controllers")
    echo "$controllers" >"$root/cgroup.subtree_control" || true
    mkdir -p "$root/$CGROUP"
    echo "$controllers" >"$root/$CGROUP/cgroup.subtree_control" || true
    return
  fi
  for root in /sys/fs/cgroup/*/; do
    mkdir -p "$root$CGROUP"
    # A new cpuset is empty, and nothing can run in it.
    if [[ -e $root/cpuset.cpus ]]; then
      cat "$root/cpuset.cpus" >"$root$CGROUP/cpuset.cpus"
      cat "$root/cpuset.mems" >"$root$CGROUP/cpuset.mems"
    fi
  done
}
