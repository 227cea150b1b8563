# The place of a cluster: its number, from which its addresses, veth pair and cgroup follow. Two clusters on a machine
# never have the same. A place is taken while its lock is held. Process 1 of the node holds it, so that it is free again
# however that ends, and no stale state has to be detected.

PLACES=16
locks=/run/anomal-testbed # machine-wide, so not in the cache of a user
NODE=node1

# place NUMBER: set the variables that follow from it
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

# Takes a free place, starting with the one that the state folder's path hashes to, so that it is usually the same.
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
      sweep_place # of a cluster that was killed and whose state folder is deleted
      return
    fi
    exec 9>&-
  done
  die "all $PLACES places for clusters on this machine are taken: stop one ('ip link' shows them as anomal0, anomal1, ...)"
}

# Does something else on the machine use these addresses?
routed_elsewhere() {
  local range
  for range in "$POD_CIDR" "$SERVICE_CIDR" "$NODE_IP/30"; do
    [[ -z $(ip -o route show table all root "$range" | grep -vE " dev $VETH( |$)") ]] || return 0
  done
  return 1
}

# Removes what the last cluster of this state folder left on the machine, unless another has taken its place.
sweep() {
  [[ -s $state/slot ]] || return 0
  mkdir -p "$locks"
  place "$(<"$state/slot")"
  exec 9<>"$locks/$number"
  if flock -w 10 9; then
    sweep_place
  elif [[ $(<"$locks/$number") == "$state" ]]; then
    die "a process of the cluster still runs and uses 'anomal$number': look for 'unshare' and 'nsenter' in the process list"
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

# Makes folders for the kubelet's --cgroup-root, in every hierarchy (version 1) or in the only one (version 2).
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
