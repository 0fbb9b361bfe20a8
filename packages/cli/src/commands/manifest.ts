import { join } from 'node:path';
import { usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { writeNewFiles } from '../files.ts';
import { renderManifest } from '../manifest/manifest.ts';
import { type ManifestOptions, REGISTRIES } from '../manifest/options.ts';
import { Arguments } from './arguments.ts';
import type { Command } from './command.ts';

const PORT = { min: 1, max: 65_535, whole: true } as const;
const SECONDS = { min: 0, max: 86_400, whole: true } as const;
const PARTS = ['yaml', 'code'] as const;

export const manifestCommand: Command = {
  name: 'manifest',
  summary: 'Writes the pair: Kubernetes manifests and the Express service that belongs to them.',
  usage: 'manifest --name NAME --port PORT --registry REGISTRY [OPTIONS]',
  options: [
    { name: 'name', value: 'NAME', help: 'of Deployment, Service and registration' },
    { name: 'port', value: 'PORT', help: 'on which the service is called' },
    { name: 'registry', value: 'REGISTRY', help: REGISTRIES.join(', ') },
    { name: 'grace', value: 'SECONDS', help: 'terminationGracePeriodSeconds; default 30' },
    {
      name: 'floor',
      value: 'SECONDS',
      help: 'how long callers may be stale; default 5, with nacos 11',
    },
    {
      name: 'longest-request',
      value: 'SECONDS',
      help: 'longest request to finish; default two fifths of what is before the reserve',
    },
    { name: 'closers', value: 'SECONDS', help: 'what the closers take beyond the reserve; default 0' },
    { name: 'image', value: 'IMAGE', help: 'default NAME:1.0.0' },
    { name: 'replicas', value: 'NUMBER', help: 'default 2' },
    { name: 'admin-port', value: 'PORT', help: 'port of hook and probes; default 9090' },
    {
      name: 'token-secret',
      value: 'SECRET',
      help: 'Secret whose key "token" guards the admin port; the hook is called by exec',
    },
    {
      name: 'registry-address',
      value: 'ADDRESS',
      help: "default the node's Consul agent, nacos:8848, or the folder /registry",
    },
    {
      name: 'out',
      value: 'FOLDER',
      short: 'o',
      help: 'write k8s/NAME.yaml and src/server.ts there; default standard output',
    },
    { name: 'only', value: 'PART', help: `print one part: ${PARTS.join(' or ')}` },
    { name: 'force', help: 'overwrite files' },
    { name: 'help', short: 'h', help: 'this page' },
  ],
  examples: [
    {
      command: 'prestop manifest --name orders --port 3000 --registry consul --grace 45 --out orders',
      does: 'Write both into a folder',
    },
    {
      command: 'prestop manifest --name orders --port 3000 --registry none --only yaml | prestop lint -',
      does: 'Look at the manifest alone',
    },
  ],
  details,
  async run(args, io) {
    const given = new Arguments(manifestCommand, args);
    const [extra] = given.positionals;
    if (extra !== undefined) throw usageError(`manifest takes options only: "${extra}"`, 'see prestop help manifest');
    const options = optionsFrom(given);
    const only = given.choice('only', PARTS);
    const out = given.text('out');
    if (only !== undefined && out !== undefined) throw usageError('--only is for standard output, not for --out');
    const { yaml, code } = renderManifest(options);
    if (out !== undefined) {
      const files = [
        { path: `k8s/${options.name}.yaml`, text: yaml },
        { path: 'src/server.ts', text: code },
      ];
      await writeNewFiles(io.cwd, out, files, given.flag('force'));
      io.stderr.write(files.map(({ path }) => `wrote ${join(out, path)}\n`).join(''));
      return EXIT.clean;
    }
    if (only === undefined) io.stdout.write(`# k8s/${options.name}.yaml\n${yaml}\n// src/server.ts\n${code}`);
    else io.stdout.write(only === 'yaml' ? yaml : code);
    return EXIT.clean;
  },
};

function optionsFrom(given: Arguments): ManifestOptions {
  const name = given.text('name');
  const port = given.number('port', PORT);
  const registry = given.choice('registry', REGISTRIES);
  if (name === undefined || port === undefined || registry === undefined) {
    const missing = [
      ...(name === undefined ? ['--name'] : []),
      ...(port === undefined ? ['--port'] : []),
      ...(registry === undefined ? ['--registry'] : []),
    ];
    throw usageError(`manifest needs ${missing.join(' and ')}`, 'see prestop help manifest');
  }
  return {
    name,
    port,
    registry,
    graceSeconds: given.number('grace', { ...SECONDS, min: 1 }),
    floorSeconds: given.number('floor', SECONDS),
    longestRequestSeconds: given.number('longest-request', SECONDS),
    closersSeconds: given.number('closers', SECONDS),
    image: given.text('image'),
    replicas: given.number('replicas', { min: 1, max: 10_000, whole: true }),
    adminPort: given.number('admin-port', PORT),
    tokenSecret: given.text('token-secret'),
    registryAddress: given.text('registry-address'),
  };
}

function details(): string {
  return [
    'One set of numbers for both sides: terminationGracePeriodSeconds, its environment setting and the sum beside',
    'it; the ports of hook, probes, Service and NetworkPolicy. It asks nothing, and refuses a grace period that',
    'cannot hold what it has to.',
    '',
    `Exit codes: ${EXIT.clean} written; ${EXIT.usage} usage; ${EXIT.unreadable} a file could not be written.`,
  ].join('\n');
}
