import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lint } from 'prestop';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EXAMPLES, KUSTOMIZATION_FOLDERS, parse } from './support/files.ts';
import { deployments, prestopContainer, setting, validate } from './support/objects.ts';
import { expectApplicable } from './support/pod-rules.ts';

/** Replacements that make what is not there came with Kustomize 4.5; the kubectl that the manifests name has 5.0. */
const OLDEST = [5, 0];
const TESTS = KUSTOMIZATION_FOLDERS.length + 4;

/** Why `kubectl kustomize` cannot be trusted here; `undefined` when it can. */
function unusable(): string | undefined {
  const { stdout, error } = spawnSync('kubectl', ['version', '--client', '--output=json'], { encoding: 'utf8' });
  if (error !== undefined) return 'there is no kubectl';
  try {
    const version: string = JSON.parse(stdout).kustomizeVersion;
    const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
    const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
    const isNew = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
    return isNew ? undefined : `kubectl has Kustomize ${version}, which is older than ${OLDEST.join('.')}`;
  } catch {
    return 'kubectl does not say which Kustomize it has';
  }
}

const why = unusable();
if (why !== undefined) {
  const bar = '='.repeat(100);
  process.stderr.write(
    `${bar}\nDID NOT RUN: ${TESTS} tests that render the kustomizations\n  ${why}\n  To run them: kubectl 1.27 or later in PATH\n${bar}\n`,
  );
}

function render(folder: string): string {
  const { stdout, stderr, status } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`kubectl kustomize ${folder}: ${stderr}`);
  return stdout;
}

describe.skipIf(why !== undefined)('kubectl kustomize', () => {
  it.each(KUSTOMIZATION_FOLDERS)('renders examples/%s into objects that can be applied', (folder) => {
    const text = render(join(EXAMPLES, folder));
    const documents = parse(text);
    for (const document of documents) validate(document);
    expect(deployments(documents)).toHaveLength(1);
    expect(deployments(documents).map(prestopContainer)).not.toContain(undefined);
    expectApplicable(documents, { hardened: folder !== 'manifests/adopted' });
    expect(lint([{ file: folder, text }]).findings).toEqual([]);
  });

  it.each(['istio', 'linkerd'])('puts a service that was there before into %s', (mesh) => {
    const folder = mkdtempSync(join(EXAMPLES, 'manifests/node_modules/mesh-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../adopted]\ncomponents: [../../${mesh}]\n`,
    );
    const text = render(folder);
    for (const document of parse(text)) validate(document);
    expect(lint([{ file: mesh, text }]).findings).toEqual([]);
    expect(text).toMatch(/(?:skip-i|excludeI)nbound-?[pP]orts: "9090"/);
  });

  it('copies a changed grace period to the setting', () => {
    const folder = mkdtempSync(join(tmpdir(), 'prestop-kustomize-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    cpSync(join(EXAMPLES, 'express-file/k8s/base'), folder, { recursive: true });
    const file = join(folder, 'deployment.yaml');
    const field = '      terminationGracePeriodSeconds: ';
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(`\n${field}45\n`);
    writeFileSync(file, text.replace(`${field}45`, `${field}90`));
    const [pod] = deployments(parse(render(folder)));
    const container = pod && prestopContainer(pod);
    expect(pod?.spec.terminationGracePeriodSeconds).toBe(90);
    // A string, as the API wants it.
    expect(container && setting(container, 'TERMINATION_GRACE_PERIOD_SECONDS')).toBe('90');
  });

  it('adds prestop to a Deployment that has neither ports nor settings', () => {
    const folder = mkdtempSync(join(tmpdir(), 'prestop-kustomize-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    cpSync(join(EXAMPLES, 'manifests/component'), join(folder, 'component'), { recursive: true });
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [bare.yaml]\ncomponents: [component]\n',
    );
    writeFileSync(
      join(folder, 'bare.yaml'),
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'bare' },
        spec: {
          selector: { matchLabels: { app: 'bare' } },
          template: {
            metadata: { labels: { app: 'bare' } },
            spec: { containers: [{ name: 'bare', image: 'bare:1.0.0', command: ['node', 'dist/server.js'] }] },
          },
        },
      }),
    );
    const documents = parse(render(folder));
    expect(documents).toHaveLength(1);
    for (const document of documents) validate(document);
    const [pod] = deployments(documents);
    expect(pod?.spec.containers).toEqual([
      expect.objectContaining({
        ports: [{ name: 'admin', containerPort: 9090 }],
        env: [
          { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'TERMINATION_GRACE_PERIOD_SECONDS', value: String(pod?.spec.terminationGracePeriodSeconds) },
        ],
      }),
    ]);
  });
});
