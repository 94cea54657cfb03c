"""Every file and command line of the cluster, rendered from its settings: equal settings, equal cluster."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster import audit
from tests.cluster.source import certificates, system_images
from tests.cluster.source.settings import (
    API_SERVER_PORT,
    DNS_SERVICE_ADDRESS,
    LOOPBACK,
    NODE_ADDRESS,
    NODE_NAME,
    POD_BRIDGE,
    POD_RANGE,
    SERVICE_RANGE,
    Settings,
)

SERVER: Final = f"https://{NODE_ADDRESS}:{API_SERVER_PORT}"
ISSUER: Final = "https://kubernetes.default.svc.cluster.local"

POD_NETWORK: Final = "drawbridge"

SYSTEM_MANIFEST: Final = "system.yaml"

KUBECONFIG_USERS: Final = (
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kube-router",
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Files by absolute path, and each component's command line in the order in which they start."""

    files: Mapping[Path, str]
    commands: Mapping[str, list[str]]

    def as_text(self) -> str:
        """Return all of it as one text: two clusters are alike when these are."""
        files = {str(path): text for path, text in self.files.items()}
        return json.dumps({"files": files, "commands": dict(self.commands)}, sort_keys=True)


def render(settings: Settings, programs: Mapping[str, Path], *, cni_plugins: Path) -> Configuration:
    """Render the cluster; `programs` maps each component, pause, CoreDNS and containerd to its executable."""
    state = settings.state
    pause_image = system_images.image_ref("pause", programs["pause"])
    files = {
        state / SYSTEM_MANIFEST: _system_manifest(system_images.image_ref("coredns", programs["coredns"])),
        state / "audit-policy.yaml": yaml.safe_dump(audit.POLICY, sort_keys=False),
        state / "containerd.toml": _containerd(settings, pause_image, cni_plugins),
        state / "cni" / "10-pods.conflist": json.dumps(_pod_network(settings), indent=1),
        state / "kubelet.yaml": yaml.safe_dump(_kubelet(settings), sort_keys=False),
    }
    arguments = {
        "etcd": _etcd_arguments(settings),
        "kube-apiserver": _api_server_arguments(settings),
        "containerd": [f"--config={state}/containerd.toml"],
        "kube-controller-manager": _controller_manager_arguments(settings),
        "kube-scheduler": [
            f"--kubeconfig={state}/kube-scheduler.kubeconfig",
            f"--bind-address={LOOPBACK}",
            "--leader-elect=false",
        ],
        "kubelet": [
            f"--config={state}/kubelet.yaml",
            f"--kubeconfig={state}/kubelet.kubeconfig",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_ADDRESS}",
            f"--root-dir={state}/kubelet",
            f"--cert-dir={state}/kubelet/pki",
        ],
        "kube-proxy": _proxy_arguments(settings),
        "kube-router": _router_arguments(settings),
    }
    commands = {name: [str(programs[name]), *flags] for name, flags in arguments.items()}
    return Configuration(files=files, commands=commands)


def make_kubeconfig(folder: Path, user: str) -> str:
    """Return the kubeconfig of `user` with all keys inside; `folder` holds the certificates."""

    def encoded(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    cluster = {
        "server": SERVER,
        "certificate-authority-data": encoded(f"{certificates.CLUSTER_AUTHORITY}.crt"),
    }
    identity = {
        "client-certificate-data": encoded(f"{user}.crt"),
        "client-key-data": encoded(f"{user}.key"),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "drawbridge-source", "cluster": cluster}],
        "users": [{"name": user, "user": identity}],
        "contexts": [
            {"name": "drawbridge-source", "context": {"cluster": "drawbridge-source", "user": user}}
        ],
        "current-context": "drawbridge-source",
    }
    return yaml.safe_dump(config, sort_keys=False)


def _system_manifest(coredns_image: str) -> str:
    text = (Path(__file__).parent / "manifests" / SYSTEM_MANIFEST).read_text()
    return text.replace("@COREDNS_IMAGE@", coredns_image).replace(
        "@DNS_SERVICE_ADDRESS@", DNS_SERVICE_ADDRESS
    )


def _etcd_arguments(settings: Settings) -> list[str]:
    keys = settings.state / "certificates"
    tls = [
        f"{flag}={keys}/{file}"
        for prefix in ("--", "--peer-")
        for flag, file in (
            (f"{prefix}cert-file", "etcd.crt"),
            (f"{prefix}key-file", "etcd.key"),
            (f"{prefix}trusted-ca-file", "etcd-ca.crt"),
        )
    ]
    return [
        "--name=drawbridge",
        f"--data-dir={settings.state}/etcd",
        f"--listen-client-urls=https://{LOOPBACK}:2379",
        f"--advertise-client-urls=https://{LOOPBACK}:2379",
        f"--listen-peer-urls=https://{LOOPBACK}:2380",
        f"--initial-advertise-peer-urls=https://{LOOPBACK}:2380",
        f"--initial-cluster=drawbridge=https://{LOOPBACK}:2380",
        *tls,
        "--client-cert-auth",
        "--peer-client-cert-auth",
        "--unsafe-no-fsync",  # the state need not outlive a power cut: after one the cluster is made anew
        "--log-level=warn",
    ]


def _api_server_arguments(settings: Settings) -> list[str]:
    keys = settings.state / "certificates"
    # The leaky variant is about link-local addresses, so there the API server listens on those too.
    listens_on = "0.0.0.0" if settings.link_local else NODE_ADDRESS  # noqa: S104 - asked for by LINK_LOCAL=on
    return [
        f"--advertise-address={NODE_ADDRESS}",
        f"--bind-address={listens_on}",
        f"--secure-port={API_SERVER_PORT}",
        f"--tls-cert-file={keys}/kube-apiserver.crt",
        f"--tls-private-key-file={keys}/kube-apiserver.key",
        f"--client-ca-file={keys}/ca.crt",
        f"--etcd-servers=https://{LOOPBACK}:2379",
        f"--etcd-cafile={keys}/etcd-ca.crt",
        f"--etcd-certfile={keys}/etcd-client.crt",
        f"--etcd-keyfile={keys}/etcd-client.key",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--service-node-port-range={settings.node_ports}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={keys}/service-account.pub",
        f"--service-account-signing-key-file={keys}/service-account.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={keys}/ca.crt",
        f"--kubelet-client-certificate={keys}/kubelet-client.crt",
        f"--kubelet-client-key={keys}/kubelet-client.key",
        f"--audit-policy-file={settings.state}/audit-policy.yaml",
        f"--audit-log-path={settings.audit_log}",
        f"--audit-log-maxsize={audit.SIZE_MIB}",
        f"--audit-log-maxbackup={audit.KEPT}",
        "--profiling=false",
    ]


def _controller_manager_arguments(settings: Settings) -> list[str]:
    state = settings.state
    return [
        f"--kubeconfig={state}/kube-controller-manager.kubeconfig",
        f"--bind-address={LOOPBACK}",
        f"--root-ca-file={state}/certificates/ca.crt",
        f"--service-account-private-key-file={state}/certificates/service-account.key",
        "--use-service-account-credentials",
        "--kube-api-qps=500",  # with the default of 20 its own start takes 4 s longer
        "--kube-api-burst=1000",
        "--allocate-node-cidrs=false",
        "--leader-elect=false",
        "--profiling=false",
    ]


def _proxy_arguments(settings: Settings) -> list[str]:
    return [
        f"--kubeconfig={settings.state}/kube-proxy.kubeconfig",
        f"--hostname-override={NODE_NAME}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={POD_RANGE}",
        f"--healthz-bind-address={LOOPBACK}:10256",
        f"--metrics-bind-address={LOOPBACK}:10249",
        # The machine's own settings stay as they are.
        "--iptables-localhost-nodeports=false",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    ]


def _router_arguments(settings: Settings) -> list[str]:
    return [
        f"--kubeconfig={settings.state}/kube-router.kubeconfig",
        f"--hostname-override={NODE_NAME}",
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--service-node-port-range={settings.node_ports}",
        "--health-port=0",
        "--metrics-port=0",
    ]


def _kubelet(settings: Settings) -> dict[str, Any]:
    state = settings.state
    keys = state / "certificates"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "healthzBindAddress": LOOPBACK,
        "tlsCertFile": f"{keys}/kubelet.crt",
        "tlsPrivateKeyFile": f"{keys}/kubelet.key",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{keys}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [DNS_SERVICE_ADDRESS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{settings.socket}",
        "podLogsDir": f"{state}/pod-logs",
        "volumePluginDir": f"{state}/kubelet/volume-plugins",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        # Images take minutes to import: the kubelet must never remove one, not even when the disk gets full.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
    }


def _containerd(settings: Settings, pause_image: str, cni_plugins: Path) -> str:
    """Render containerd's configuration, version 2: read by 1.6 and 1.7, and migrated by 2.x."""
    state = settings.state / "containerd"
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    # restrict_oom_score_adj: without CAP_SYS_RESOURCE every sandbox dies with "can't get final child's PID
    # from pipe: EOF". All lies under our own state, so that `down` finds it and knows that it is ours.
    return f"""\
version = 2
root = "{state}/root"
state = "{state}/state"
[grpc]
  address = "{settings.socket}"
[ttrpc]
  address = "{settings.socket}.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "{state}/opt"
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[{cri}]
  sandbox_image = "{pause_image}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [{cri}.cni]
    bin_dir = "{cni_plugins}"
    conf_dir = "{settings.state}/cni"
  [{cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
  [{cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [{cri}.containerd.runtimes.runc.options]
    Root = "{state}/runc"
"""


def _pod_network(settings: Settings) -> dict[str, Any]:
    addresses = {
        "type": "host-local",
        "dataDir": f"{settings.state}/addresses",
        "ranges": [[{"subnet": POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": POD_BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipMasq": False,  # no pod gets out of the machine
        "ipam": addresses,
    }
    no_ipv6 = {f"net.ipv6.conf.{which}.disable_ipv6": "1" for which in ("all", "default")}
    tuning = [] if settings.link_local else [{"type": "tuning", "sysctl": no_ipv6}]
    return {"cniVersion": "1.0.0", "name": POD_NETWORK, "plugins": [bridge, *tuning]}
