import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Unavailable } from '@prestop/testkit/servers';

const PROGRAMS = ['containerd', 'ctr', 'runc', 'iptables', 'ip', 'unshare', 'mount', 'tar', 'ldd'];
const FILES = ['/bin/busybox', '/usr/lib/cni/bridge', '/usr/lib/cni/host-local'];
const PACKAGES = 'containerd runc containernetworking-plugins busybox-static iptables iproute2 util-linux';

/** What this machine lacks for a node of its own; `undefined` when nothing. */
export function lackOfNode(): Unavailable | undefined {
  const why = lack();
  if (why === undefined) return undefined;
  const how = `on Linux, as root, with: apt-get install ${PACKAGES}; or set PRESTOP_TEST_KUBECONFIG to the kubeconfig of a running cluster`;
  return { available: false, server: 'Kubernetes', why, how };
}

function lack(): string | undefined {
  if (process.platform !== 'linux') return `a node needs Linux; this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'a node needs root';
  const missing = [...PROGRAMS.filter((name) => !isInPath(name)), ...FILES.filter((file) => !existsSync(file))];
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

function isInPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
