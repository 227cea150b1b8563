# Compiles and installs the components once. Each is a folder of the cache named by its version, which gets its name
# only when it is complete; one process builds at a time.

# pinned FOLDER MODULE: the version in the go.mod of go-tools/FOLDER
pinned() { sed -n "s|^.*[[:space:]]$2 \(v[0-9.]*\).*|\1|p" "$here/go-tools/$1/go.mod" | head -n 1; }

KUBERNETES=$(pinned kubernetes k8s.io/kubernetes)
ETCD=$(pinned etcd go.etcd.io/etcd/server/v3)
METRICS_SERVER=$(pinned addons sigs.k8s.io/metrics-server)
HELM=$(pinned addons helm.sh/helm/v4)
COREDNS=$(pinned addons github.com/coredns/coredns)
GO=1.26.4 # required by the newest of them

bin=$cache/kubernetes-$KUBERNETES
etcd=$cache/etcd-$ETCD/etcd
helm=$cache/helm-$HELM/helm
coredns=$cache/coredns-$COREDNS/coredns
metrics_server=$cache/metrics-server-$METRICS_SERVER/metrics-server
pause=$cache/pause-1/pause
kubectl=$bin/kubectl

PACKAGES=(containerd runc containernetworking-plugins buildah iptables conntrack
  socat iproute2 openssl curl procps util-linux)

# Whether everything is installed.
built() {
  [[ -x $kubectl && -x $etcd && -x $helm && -x $coredns && -x $metrics_server && -e ${pause%/*}/pause.tar ]] &&
    [[ -z $(missing_packages) ]]
}

build() {
  built && return
  mkdir -p "$cache"
  exec 8<>"$cache/lock"
  flock -n 8 || {
    say "waiting for another build"
    flock 8
  }
  rm -rf "$cache"/building.* # of builds that were killed
  packages
  compile "$bin" "$here/go-tools/kubernetes" go_kubernetes
  compile "${etcd%/*}" "$here/go-tools/etcd" go_etcd
  # In one module, so that Kubernetes' libraries are compiled once for all three.
  compile "${metrics_server%/*}" "$here/go-tools/addons" go_metrics_server
  compile "${helm%/*}" "$here/go-tools/addons" go_helm
  compile "${coredns%/*}" "$here/go-tools/addons" go_coredns
  compile "${pause%/*}" "$here/go-tools/pause" go_pause
}

missing_packages() {
  local p
  for p in "${PACKAGES[@]}"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || echo "$p"
  done
}

packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} == 0)) && return
  [[ $(command -v apt-get) ]] || die "install the equivalents of the Debian packages ${missing[*]}"
  [[ $EUID == 0 ]] || die "install ${missing[*]}, or run as root"
  # The lists may be missing or old. Waits for another installation.
  local apt=(apt-get --quiet --option DPkg::Lock::Timeout=600)
  "${apt[@]}" update
  DEBIAN_FRONTEND=noninteractive "${apt[@]}" install --yes --no-install-recommends "${missing[@]}"
}

# Fails unless Go is new enough, or downloads a newer one itself (from 1.21 on, if its settings allow it).
require_go() {
  local found
  [[ $(command -v go) ]] || die "no program 'go' to build the cluster with: install Go $GO or later, or set ANOMAL_TEST_KUBECONFIG to an existing cluster"
  found=$(cd / && go env GOVERSION)
  at_least "$GO" "${found#go}" && return
  at_least 1.21 "${found#go}" && [[ $(go env GOTOOLCHAIN) == *auto* ]] && return
  die "Go ${found:-of unknown version} cannot build the cluster: install Go $GO or later, or set ANOMAL_TEST_KUBECONFIG to an existing cluster"
}

# at_least WANTED VERSION
at_least() { printf '%s\n%s\n' "$1" "$2" | sort --check=quiet --version-sort; }

# compile FOLDER DIR CMD...: run CMD in DIR; it writes its output to $tmp, which becomes FOLDER
compile() {
  local folder=$1 dir=$2
  shift 2
  [[ -d $folder ]] && return
  require_go
  say "building $(basename "$folder")"
  tmp=$(mktemp -d "$cache/building.XXXX")
  (cd "$dir" && export CGO_ENABLED=0 GOBIN=$tmp && "$@")
  mv "$tmp" "$folder"
}

# go_program NAME PACKAGE [FLAGS]
go_program() { go build -trimpath -ldflags "-s -w ${3-}" -o "$tmp/$1" "$2"; }

go_kubernetes() {
  local v=k8s.io/component-base/version minor=${KUBERNETES#v1.} name
  minor=${minor%%.*}
  # Without gitVersion the API server calls itself v0.0.0.
  for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    go_program "$name" "k8s.io/kubernetes/cmd/$name" \
      "-X $v.gitVersion=$KUBERNETES -X $v.gitMajor=1 -X $v.gitMinor=$minor"
  done
}
go_etcd() { go_program etcd go.etcd.io/etcd/server/v3; }
go_metrics_server() { go_program metrics-server sigs.k8s.io/metrics-server/cmd/metrics-server; }
go_helm() { go_program helm helm.sh/helm/v4/cmd/helm; }
go_coredns() { go_program coredns github.com/coredns/coredns; }
go_pause() { go_program pause . && pause_image; }

# The image of every pod's sandbox container: one static binary.
pause_image() {
  printf 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n' >"$tmp/Dockerfile"
  local b=(buildah --storage-driver vfs --root "$tmp/store" --runroot "$tmp/run")
  "${b[@]}" bud --isolation chroot -q -t localhost/pause:1 "$tmp"
  "${b[@]}" push -q localhost/pause:1 "oci-archive:$tmp/pause.tar:localhost/pause:1"
  rm -rf "$tmp/store" "$tmp/run"
}
