import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTAINERD_SOCKET } from './containerd.ts';
import { Daemon } from './daemon.ts';
import { CGROUP, NODE_IP, NODE_NAME, type NodeFiles, POD_SUBNET } from './node.ts';

/** The kubelet and kube-proxy. */
export function startKubelet(programs: string, { config, kubeconfig, logs }: NodeFiles): void {
  const kubeletConfig = join(config, 'kubelet.json');
  writeFileSync(kubeletConfig, JSON.stringify(kubeletSettings()));
  const plugins = '/var/lib/kubelet/volume-plugins';
  mkdirSync(plugins, { recursive: true });
  new Daemon({
    name: 'kubelet',
    command: join(programs, 'kubelet'),
    args: [
      `--config=${kubeletConfig}`,
      `--kubeconfig=${kubeconfig}`,
      `--hostname-override=${NODE_NAME}`,
      `--node-ip=${NODE_IP}`,
      '--cert-dir=/var/lib/kubelet/pki',
    ],
    logs,
  });
  const proxyConfig = join(config, 'kube-proxy.json');
  writeFileSync(proxyConfig, JSON.stringify(proxySettings(kubeconfig)));
  new Daemon({
    name: 'kube-proxy',
    command: join(programs, 'kube-proxy'),
    args: [`--config=${proxyConfig}`, `--hostname-override=${NODE_NAME}`],
    logs,
  });
}

/** What a kubelet has by default, but for what the node lacks: systemd, a registry, DNS, room to spare. */
function kubeletSettings(): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // Where logs and exec are asked for.
    address: NODE_IP,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${CGROUP}`,
    cgroupsPerQOS: true,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    failCgroupV1: false,
    resolvConf: '',
    // There is no DNS; without an address each pod gets a warning every few seconds.
    clusterDNS: ['127.0.0.1'],
    localStorageCapacityIsolation: false,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    // Nothing can be pulled again.
    imageGCHighThresholdPercent: 100,
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
  };
}

function proxySettings(kubeconfig: string): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig },
    mode: 'iptables',
    clusterCIDR: POD_SUBNET,
    // Limits of the whole machine, which are not the node's to change.
    conntrack: { maxPerCore: 0, min: 0, tcpCloseWaitTimeout: '0s', tcpEstablishedTimeout: '0s' },
  };
}
