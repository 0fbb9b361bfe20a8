import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './command.ts';
import { Daemon } from './daemon.ts';
import { NODE_IP, type NodeFiles, SERVICE_SUBNET } from './node.ts';

const API_PORT = 6443;

/** etcd, API server, controllers and scheduler; writes the kubeconfig of the administrator, which everybody here uses. */
export async function startControlPlane(programs: string, files: NodeFiles): Promise<void> {
  const { kubeconfig, logs } = files;
  const token = randomBytes(16).toString('hex');
  writeKubeconfig(kubeconfig, token);

  startEtcd(programs, logs);
  const apiServer = new Daemon({
    name: 'kube-apiserver',
    command: join(programs, 'kube-apiserver'),
    args: apiServerArgs(files.config, token),
    logs,
  });
  await apiServer.ready(async () => {
    const ok = await output(join(programs, 'kubectl'), ['--kubeconfig', kubeconfig, 'get', '--raw', '/readyz']);
    return ok === 'ok';
  });
  for (const name of ['kube-controller-manager', 'kube-scheduler']) {
    const args = ['--kubeconfig', kubeconfig, '--leader-elect=false', '--bind-address=127.0.0.1'];
    if (name === 'kube-controller-manager') {
      args.push('--service-account-private-key-file', join(files.config, 'service-accounts.key'));
    }
    new Daemon({ name, command: join(programs, name), args, logs });
  }
}

function startEtcd(programs: string, logs: string): void {
  const [client, peer] = ['http://127.0.0.1:2379', 'http://127.0.0.1:2380'];
  const args = [
    ...['--data-dir', '/var/lib/etcd', '--unsafe-no-fsync'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
  ];
  // Go names a program after its package, and a major version is no name: go.etcd.io/etcd/server/v3.
  new Daemon({ name: 'etcd', command: join(programs, 'server'), args, logs });
}

function apiServerArgs(config: string, token: string): readonly string[] {
  const key = join(config, 'service-accounts.key');
  const tokens = join(config, 'tokens.csv');
  const certificates = join(config, 'api-server');
  mkdirSync(certificates, { recursive: true });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(tokens, `${token},admin,admin,system:masters\n`, { mode: 0o600 });
  return [
    '--etcd-servers=http://127.0.0.1:2379',
    `--bind-address=${NODE_IP}`,
    `--advertise-address=${NODE_IP}`,
    `--secure-port=${API_PORT}`,
    // It makes its own certificate there.
    `--cert-dir=${certificates}`,
    `--token-auth-file=${tokens}`,
    '--authorization-mode=AlwaysAllow',
    `--service-cluster-ip-range=${SERVICE_SUBNET}`,
    '--endpoint-reconciler-type=none',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    '--kubelet-preferred-address-types=InternalIP',
  ];
}

function writeKubeconfig(file: string, token: string): void {
  const name = 'prestop';
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: `https://${NODE_IP}:${API_PORT}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(kubeconfig), { mode: 0o600 });
}
