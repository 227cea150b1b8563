# The components of the node, and how each is started.

COMPONENTS=(etcd containerd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns
  metrics-server)

require_component() { [[ " ${COMPONENTS[*]} " == *" $1 "* ]] || die "no component '$1'; there are: ${COMPONENTS[*]}"; }

# start NAME...: start each that is not running and wait until it answers; later ones need earlier ones
start() {
  local name
  for name; do
    require_component "$name"
    running "$name" || "start_${name//-/_}"
    wait_for_answer "$name"
  done
}

# Waits for a component that others depend on.
wait_for_answer() {
  case $1 in
  etcd) wait_for 60 etcd inside curl -fs http://127.0.0.1:2379/health ;;
  containerd) wait_for 60 containerd inside ctr version ;;
  kube-apiserver)
    wait_for 120 kube-apiserver "$kubectl" get --raw /readyz
    # It is ready before these exist, without which the controller manager ends.
    wait_for 120 "the API server's roles" "$kubectl" --namespace kube-system get \
      configmap/extension-apiserver-authentication role/extension-apiserver-authentication-reader \
      rolebinding/system::extension-apiserver-authentication-reader
    ;;
  coredns) wait_for 60 coredns inside curl -fs http://127.0.0.1:8181/ready ;;
  esac
}

start_etcd() { spawn etcd "$etcd" --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn; }

start_containerd() { spawn containerd containerd --config "$conf/containerd.toml"; }

start_kube_apiserver() {
  spawn kube-apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --advertise-address="$NODE_IP" --service-cluster-ip-range="$SERVICE_CIDR" --allow-privileged=true \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$pki/ca.crt" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/kube-apiserver.crt" --tls-private-key-file="$pki/kube-apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/service-account.pub" \
    --service-account-signing-key-file="$pki/service-account.key" \
    --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key"
}

# Autoscalers act sooner than by default, as tests wait for them.
start_kube_controller_manager() {
  local kubeconfig=$conf/kube-controller-manager.kubeconfig
  spawn kube-controller-manager "$bin/kube-controller-manager" --kubeconfig="$kubeconfig" --leader-elect=false \
    --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
    --use-service-account-credentials=true --root-ca-file="$pki/ca.crt" \
    --service-account-private-key-file="$pki/service-account.key" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --horizontal-pod-autoscaler-sync-period=5s --horizontal-pod-autoscaler-initial-readiness-delay=5s \
    --horizontal-pod-autoscaler-cpu-initialization-period=15s
}

start_kube_scheduler() {
  spawn kube-scheduler "$bin/kube-scheduler" --kubeconfig="$conf/kube-scheduler.kubeconfig" --leader-elect=false
}

start_kubelet() {
  spawn kubelet "$bin/kubelet" --kubeconfig="$conf/kubelet.kubeconfig" --config="$conf/kubelet.yaml" \
    --hostname-override="$NODE" --node-ip="$NODE_IP"
}

# The conntrack limits are not writable inside a network namespace: 0 leaves them unchanged.
start_kube_proxy() {
  spawn kube-proxy "$bin/kube-proxy" --kubeconfig="$conf/kube-proxy.kubeconfig" --hostname-override="$NODE" \
    --proxy-mode=iptables --cluster-cidr="$POD_CIDR" --conntrack-max-per-core=0 \
    --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

start_coredns() { spawn coredns "$coredns" -conf "$conf/Corefile"; }

start_metrics_server() {
  local kubeconfig=$conf/metrics-server.kubeconfig
  spawn metrics-server "$metrics_server" --kubeconfig="$kubeconfig" \
    --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
    --secure-port=10443 --tls-cert-file="$pki/metrics-server-server.crt" \
    --tls-private-key-file="$pki/metrics-server-server.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --metric-resolution=10s --kubelet-request-timeout=5s
}
