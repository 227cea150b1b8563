# The node: process 1 of its own PID, mount and network namespaces, and the processes in them.
#
# A recorded process is `PID START`: its PID on the machine, and when it started, since PIDs are reused.

pid_of() { cut -d' ' -f1 "$run/$1" 2>/dev/null; }

# When process PID started, in ticks since boot; nothing if there is none, or only a zombie.
started() {
  local stat
  stat=$(stat_of "$1") || return 1
  [[ $stat != Z* ]] && field "$stat" 20
}

# The kernel's statistics of a process, from its state on: the name before it may contain spaces.
stat_of() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  echo "${stat##*) }"
}

field() { cut -d' ' -f"$2" <<<"$1"; }

# Records the process that waits outside the namespaces for one inside. It ends by itself, unless it is suspended.
outside() { echo "$1 $(started "$1")" >>"$run/outside"; }

record() { echo "$2 $(started "$2")" >"$run/$1"; }

# Is the recorded process still running?
running() {
  local p since
  read -r p since 2>/dev/null <"$run/$1" && [[ -n $since && $(started "$p") == "$since" ]]
}

alive() { running init; }

# Prints a component that was started and has ended for good while the node is running.
ended() {
  local name
  alive || return 0
  for name in "${COMPONENTS[@]}"; do
    if [[ -e $run/$name ]] && ! running "$name"; then
      echo "$name"
      return
    fi
  done
}

inside() { nsenter --target "$(pid_of init)" --mount --net --pid --wdns=/ -- "$@"; }

# spawn NAME CMD...: start CMD inside the node under keep.sh, and record the PID of keep.sh on the machine
spawn() {
  local name=$1 init p child=
  shift
  init=$(pid_of init) # not inside the next line: a substitution there would be its first child
  setsid nsenter --target "$init" --mount --net --pid --wdns=/ -- bash "$here/lib/keep.sh" "$@" \
    >>"$log/$name.log" 2>&1 </dev/null 7>&- 9>&- &
  p=$! # nsenter itself must stay outside the PID namespace; its one child is keep.sh
  disown "$p"
  outside "$p"
  until child=$(pgrep -P "$p"); do kill -0 "$p" 2>/dev/null || die "$name: see $log/$name.log"; done
  record "$name" "$child"
}

# kill_component NAME: kill it together with its keep.sh, which is in the same process group
kill_component() {
  local group
  group=$(ps -o pgid= -p "$(pid_of "$1")")
  kill -KILL -- "-${group// /}"
  while running "$1"; do sleep 0.05; done
  rm "$run/$1"
}

namespaces() {
  local p child
  cgroups
  # It inherits the lock of its place (file descriptor 9).
  setsid unshare --pid --fork --kill-child --mount-proc --mount --net --propagation private -- "$pause" \
    >/dev/null 2>&1 </dev/null 7>&- &
  p=$!
  disown "$p"
  outside "$p"
  until child=$(pgrep -P "$p") && [[ $(readlink "/proc/$child/exe") == "$(readlink -f "$pause")" ]]; do
    kill -0 "$p" 2>/dev/null || die "cannot make namespaces: root of this machine may lack the right"
    sleep 0.05
  done
  record init "$child"
  folders
  network
}

# Mounts Kubernetes' usual folders from the state folder, and a /run of the node's own.
folders() {
  mkdir -p "$state"/{lib,var-log}
  inside mount --make-rshared /
  inside mount -t tmpfs -o mode=755 tmpfs /run
  inside mount --bind "$state/lib" /var/lib
  inside mount --bind "$state/var-log" /var/log
  inside mount --bind "$conf/hosts" /etc/hosts
  mkdir -p "$state/lib"/{kubelet,containerd,cni}
  settings_of_the_kernel
}

# The kubelet would set these for the whole machine. It finds them set in files that are mounted over them.
settings_of_the_kernel() {
  local setting name file
  mkdir -p "$conf/sysctl"
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    name=/proc/sys/${setting%=*}
    file=$conf/sysctl/${name##*/}
    [[ -e $name ]] || continue
    echo "${setting#*=}" >"$file"
    inside mount --bind "$file" "$name"
  done
}

network() {
  ip link add "$VETH" type veth peer name eth0 netns "$(pid_of init)"
  ip address add "$HOST_IP/30" dev "$VETH"
  ip link set "$VETH" up
  ip route add "$POD_CIDR" via "$NODE_IP"
  ip route add "$SERVICE_CIDR" via "$NODE_IP"
  inside ip link set lo up
  inside ip address add "$NODE_IP/30" dev eth0
  inside ip link set eth0 up
  inside ip route add default via "$HOST_IP" # else a cluster IP has no route from the node itself (aggregated APIs, webhooks)
  inside sysctl -qw net.ipv4.ip_forward=1
}

# When process 1 ends, the kernel kills the others and drops the mounts. Until all have ended it remains as a zombie.
end_node() {
  local p since
  if read -r p since 2>/dev/null <"$run/init"; then
    if alive; then kill -TERM "$p"; fi
    gone "$p" "$since" || {
      if alive; then kill -KILL "$p"; fi
    }
  fi
  end_outside
  [[ -z ${p-} ]] || gone "$p" "$since" || die "process $p of the cluster does not end"
}

# gone PID SINCE: whether it ends within five seconds
gone() {
  local stat
  for _ in {1..100}; do
    stat=$(stat_of "$1") || return 0
    [[ $(field "$stat" 20) == "$2" ]] || return 0
    sleep 0.05
  done
  return 1
}

end_outside() {
  local p since
  [[ -e $run/outside ]] || return 0
  while read -r p since; do
    if [[ -n $since && $(started "$p") == "$since" ]]; then kill -KILL "$p" 2>/dev/null || true; fi
  done <"$run/outside"
}
