# Keys and configuration, written at each start because the addresses follow from the cluster's place.

# cert NAME SUBJECT USAGE [SANS]: a key pair signed by the cluster's CA
cert() {
  openssl req -x509 -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -config "$pki/req.cnf" -days 3650 \
    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout "$pki/$1.key" -out "$pki/$1.crt" -subj "$2" \
    -addext basicConstraints=critical,CA:FALSE -addext "extendedKeyUsage=$3" \
    ${4:+-addext "subjectAltName=$4"} 2>/dev/null
}

# client NAME SUBJECT: a client certificate and a kubeconfig that uses it
client() {
  cert "$1" "$2" clientAuth
  cat >"$conf/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
current-context: testbed
contexts: [{name: testbed, context: {cluster: testbed, user: $1}}]
clusters: [{name: testbed, cluster: {server: "$API", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}}]
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$pki/$1.crt")
    client-key-data: $(base64 -w0 "$pki/$1.key")
END
  chmod 600 "$conf/$1.kubeconfig"
}

keys() {
  printf '[req]\ndistinguished_name=dn\n[dn]\n' >"$pki/req.cnf"
  openssl req -x509 -config "$pki/req.cnf" -days 3650 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout "$pki/ca.key" -out "$pki/ca.crt" -subj /CN=testbed-ca -addext basicConstraints=critical,CA:TRUE 2>/dev/null
  cert kube-apiserver /CN=kube-apiserver serverAuth \
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$SERVICE_IP,IP:$NODE_IP"
  cert kubelet-server "/O=system:nodes/CN=system:node:$NODE" serverAuth "DNS:$NODE,IP:$NODE_IP,IP:127.0.0.1"
  cert metrics-server-server /CN=metrics-server serverAuth DNS:metrics-server.kube-system.svc
  cert front-proxy /CN=front-proxy clientAuth # the API server towards aggregated APIs (metrics-server)
  client admin /O=system:masters/CN=admin
  client kubelet "/O=system:nodes/CN=system:node:$NODE"
  client kube-controller-manager /CN=system:kube-controller-manager
  client kube-scheduler /CN=system:kube-scheduler
  client kube-proxy /CN=system:kube-proxy
  client metrics-server /O=system:masters/CN=metrics-server
  openssl genrsa -out "$pki/service-account.key" 2048 2>/dev/null
  openssl rsa -in "$pki/service-account.key" -pubout -out "$pki/service-account.pub" 2>/dev/null
}

files() {
  # restrict_oom_score_adj: without CAP_SYS_RESOURCE (as in many sandboxes) runc can't lower
  # oom_score_adj and dies with "can't get final child's PID from pipe: EOF".
  cat >"$conf/containerd.toml" <<END
version = 2
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$conf/cni"
END
  mkdir -p "$conf/cni"
  cat >"$conf/cni/10-bridge.conflist" <<END
{"cniVersion": "1.0.0", "name": "testbed", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_CIDR"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
END
  echo "nameserver $NODE_IP" >"$conf/resolv.conf"
  printf '127.0.0.1 localhost\n%s %s\n' "$NODE_IP" "$NODE" >"$conf/hosts"
  printf '%s\n' "machine $HOST_IP" "node $NODE_IP" "pods $POD_CIDR" "services $SERVICE_CIDR" \
    "kubeconfig $KUBECONFIG" "kubectl $kubectl" "helm $helm" >"$conf/facts"
  cat >"$conf/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [$NODE_IP]
resolvConf: $conf/resolv.conf
volumePluginDir: /var/lib/kubelet/volume-plugins
tlsCertFile: $pki/kubelet-server.crt
tlsPrivateKeyFile: $pki/kubelet-server.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
END
  cat >"$conf/Corefile" <<END
.:53 {
  bind $NODE_IP
  errors
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $KUBECONFIG
  }
}
END
  # metrics-server runs beside the kubelet and not in a pod, so its Service selects nothing.
  cat >"$conf/objects.yaml" <<END
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec: {ports: [{name: https, port: 443, targetPort: 10443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: metrics-server, namespace: kube-system, labels: {kubernetes.io/service-name: metrics-server}}
addressType: IPv4
endpoints: [{addresses: [$NODE_IP], conditions: {ready: true}}]
ports: [{name: https, port: 10443, protocol: TCP}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  service: {name: metrics-server, namespace: kube-system}
  caBundle: $(base64 -w0 "$pki/ca.crt")
END
}
