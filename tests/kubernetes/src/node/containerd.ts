import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './command.ts';
import { Daemon } from './daemon.ts';
import { writeCni } from './network.ts';
import type { NodeFiles } from './node.ts';

export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
export const PAUSE_IMAGE = 'prestop.test/pause:1';

/** containerd with the distribution's runc and network plugins; its folders are the node's own. */
export async function startContainerd(files: NodeFiles): Promise<void> {
  const cni = join(files.config, 'cni');
  mkdirSync(cni, { recursive: true });
  const config = join(files.config, 'containerd.toml');
  writeFileSync(config, settings(writeCni(cni)));
  const daemon = new Daemon({
    name: 'containerd',
    command: 'containerd',
    args: ['--config', config],
    logs: files.logs,
  });
  await daemon.ready(async () => (await ctr('version')).includes('Server'));
}

/** Makes the images of these archives known to the kubelet. */
export async function importImages(archives: readonly string[]): Promise<void> {
  for (const archive of archives) await ctr('-n', 'k8s.io', 'images', 'import', archive);
}

function ctr(...args: string[]): Promise<string> {
  return output('ctr', ['--address', CONTAINERD_SOCKET, ...args]);
}

function settings(cni: string): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# Snapshotters for file systems that the node does not have, which would only warn.
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}
