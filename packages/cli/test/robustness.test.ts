import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lint } from '../src/index.ts';
import { folder } from './support/folder.ts';
import { prestop } from './support/io.ts';
import { deployment } from './support/manifests.ts';

const SLEEPY = deployment('lifecycle:\n  preStop:\n    sleep:\n      seconds: 99');

function read(text: string): ReturnType<typeof lint> {
  return lint([{ file: 'a.yaml', text }]);
}

function codes(text: string): string[] {
  return read(text).findings.map(({ code, line }) => `${code}:${line}`);
}

describe('malformed YAML', () => {
  it.each([
    ['a key without a colon', 'kind: Pod\nmetadata\n', 2],
    ['an open quote', 'kind: "Pod\nmetadata: {}\n', 3],
    ['an open bracket', 'kind: Pod\nspec: [1, 2\n', 3],
    ['a tab as indentation', 'kind: Pod\nspec:\n\tcontainers: []\n', 3],
    ['a wrong column', 'spec:\n  a: 1\n b: 2\n', 3],
    ['two mappings on a line', 'kind: Pod: v1\n', 1],
    ['an alias without anchor', 'kind: Pod\nspec: *base\n', 2],
    ['an anchor after its alias', 'a: *base\nb: &base 1\n', 1],
  ])('%s: a problem with file and line', (_, text, line) => {
    const { problems } = read(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatchObject({ file: 'a.yaml', line });
    expect(problems[0]?.message).not.toContain('\n');
  });

  it('does not hide the other documents', () => {
    const { findings, problems } = read(`kind: [\n---\n${SLEEPY}`);
    expect(problems).toHaveLength(1);
    expect(findings.map(({ code }) => code)).toContain('PS022');
  });

  it('says so when it looks like a template', () => {
    const { problems } = read('kind: Pod\nmetadata:\n  name: {{ .Release.Name }}-orders\n');
    expect(problems[0]?.message).toContain('helm template');
  });

  it('a chart’s template is one problem, not one for each of its lines, and nothing is said of what is in it', () => {
    const template = `apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    {{- include "x.labels" . | nindent 4 }}
spec:
  template:
    spec:
      containers:
        - name: {{ .Chart.Name }}
          {{- with .Values.lifecycle }}
          lifecycle:
            {{- toYaml . | nindent 12 }}
          {{- end }}
`;
    expect(read(template)).toMatchObject({ problems: [{ line: 5, column: 5 }], findings: [] });
    // A program of its own that has templates is a string like any other.
    expect(read('apiVersion: v1\nkind: ConfigMap\ndata:\n  t: "{{ .Values.x }}"\n').problems).toEqual([]);
  });

  it('lists a few problems of a file and counts the rest', () => {
    const { problems } = read('a: b: c\n'.repeat(50));
    expect(problems.length).toBeLessThanOrEqual(6);
    expect(problems.at(-1)?.message).toMatch(/^\d+ more problems/);
  });
});

describe('unusual YAML', () => {
  it('empty and comment-only documents are nothing', () => {
    expect(read('')).toMatchObject({ findings: [], problems: [], summary: { objects: 0 } });
    expect(read('---\n---\n# nothing\n---\n...\n')).toMatchObject({ findings: [], problems: [] });
    expect(codes(`---\n\n---\n# before\n${SLEEPY}---\n`)).toContain('PS022:25');
  });

  it('anchors, aliases and merge keys are followed', () => {
    const text = `apiVersion: v1
kind: Pod
metadata: { name: a }
spec:
  containers:
    - name: app
      image: a:1
      lifecycle: &life
        preStop:
          sleep: { seconds: 99 }
    - name: other
      image: a:1
      lifecycle:
        <<: *life
    - name: own
      image: a:1
      lifecycle:
        <<: [*life, { postStart: { sleep: { seconds: 1 } } }]
        preStop: { sleep: { seconds: 1 } }
`;
    const found = read(text).findings.filter(({ code }) => code === 'PS022');
    expect(found.map(({ line }) => line)).toEqual([10]);
    expect(found.map(({ container }) => container)).toEqual(['app']);
  });

  it('aliases that contain themselves end', () => {
    expect(
      read('apiVersion: v1\nkind: List\nitems: &all\n  - apiVersion: v1\n    kind: List\n    items: *all\n').problems,
    ).toEqual([]);
    expect(
      read('apiVersion: v1\nkind: Pod\nspec: &spec\n  <<: *spec\n  containers: [{ name: a, image: b }]\n').problems,
    ).toEqual([]);
  });

  it('a billion laughs are not told', () => {
    let text = 'apiVersion: v1\nkind: List\nitems: []\na0: &a0 [x]\n';
    for (let level = 1; level <= 30; level++) {
      text += `a${level}: &a${level} [*a${level - 1}, *a${level - 1}, *a${level - 1}]\n`;
    }
    text += '---\n';
    let list = 'apiVersion: v1\nkind: List\nitems:\n  - &l0 {apiVersion: v1, kind: PodList, items: []}\n';
    for (let level = 1; level <= 30; level++) {
      list += `  - &l${level} {apiVersion: v1, kind: PodList, items: [*l${level - 1}, *l${level - 1}]}\n`;
    }
    expect(read(text + list).problems).toEqual([]);
  });

  it('Lists of any kind are unfolded', () => {
    const item = SLEEPY.trimEnd().split('\n').join('\n    ');
    for (const kind of ['List', 'DeploymentList']) {
      const { findings, summary } = read(`apiVersion: v1\nkind: ${kind}\nitems:\n  - ${item}\n`);
      expect(summary).toMatchObject({ objects: 1, workloads: 1 });
      expect(findings.map(({ path }) => path)).toContain(
        'items[0].spec.template.spec.containers[0].lifecycle.preStop.sleep.seconds',
      );
    }
  });

  it('what a controller has made is not checked: its own template is', () => {
    const owner = (controller: boolean): string =>
      SLEEPY.replace(
        '  name: orders',
        `  name: orders-5d8\n  ownerReferences: [{ kind: Deployment, name: orders, controller: ${controller} }]`,
      ).replace('kind: Deployment\n', 'kind: ReplicaSet\n');
    expect(read(`${SLEEPY}---\n${owner(true)}`).summary).toMatchObject({ objects: 2, workloads: 1 });
    expect(read(owner(false)).summary.workloads).toBe(1);
  });

  it('custom resources and other YAML are passed over; a pod template in them is not', () => {
    expect(
      read('apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: { versions: [] }\n').summary,
    ).toMatchObject({ objects: 1, workloads: 0 });
    expect(read('services:\n  web:\n    image: x\n').summary.objects).toBe(0);
    expect(
      codes(SLEEPY.replace('apps/v1', 'argoproj.io/v1alpha1').replace('kind: Deployment', 'kind: Rollout')),
    ).toContain('PS022:21');
  });

  it('wrong types anywhere are no crash', () => {
    const shapes = [
      'null',
      '7',
      '"text"',
      '[]',
      '{}',
      '[[]]',
      '[null]',
      '{a: 1}',
      '!!binary AA==',
      '!secret x',
      '2020-01-01',
      '~',
      '.nan',
    ];
    const spots = [
      'spec',
      'template',
      'containers',
      'lifecycle',
      'preStop',
      'httpGet',
      'ports',
      'env',
      'labels',
      'metadata',
      'readinessProbe',
      'command',
    ];
    for (const spot of spots) {
      for (const shape of shapes) {
        const full: Record<string, string> = {
          lifecycle: '{}',
          preStop: '{}',
          httpGet: '{}',
          ports: '[]',
          env: '[]',
          readinessProbe: '{}',
          command: '[]',
        };
        full[spot] = shape;
        const text = `apiVersion: apps/v1
kind: Deployment
metadata: ${spot === 'metadata' ? shape : '{ name: a }'}
spec: ${
          spot === 'spec'
            ? shape
            : `
  template: ${
    spot === 'template'
      ? shape
      : `
    metadata: { labels: ${spot === 'labels' ? shape : '{ a: b }'} }
    spec:
      containers: ${
        spot === 'containers'
          ? shape
          : `
        - name: app
          image: a
          lifecycle: ${spot === 'preStop' ? `{ preStop: ${shape} }` : spot === 'httpGet' ? `{ preStop: { httpGet: ${shape} } }` : full['lifecycle']}
          ports: ${full['ports']}
          env: ${full['env']}
          readinessProbe: ${full['readinessProbe']}
          command: ${full['command']}`
      }`
  }`
        }
`;
        const { problems } = read(text);
        expect(problems, text).toEqual([]);
      }
    }
  });

  it('yes and on are true, as to kubectl', () => {
    const pod = (word: string): string =>
      deployment(
        'lifecycle:\n  preStop:\n    httpGet: { path: /prestop, port: 9090, host: 127.0.0.1 }',
        `hostNetwork: ${word}`,
      );
    for (const word of ['true', 'yes', 'On']) expect(codes(pod(word)).join(), word).not.toContain('PS004');
    for (const word of ['false', 'no', '"yes"', 'maybe']) expect(codes(pod(word)).join(), word).toContain('PS004');
  });

  it('a byte order mark, CRLF and a missing last line break change nothing', () => {
    const plain = read(SLEEPY).findings.map(({ code, line, column }) => [code, line, column]);
    for (const text of [`\ufeff${SLEEPY}`, SLEEPY.replaceAll('\n', '\r\n'), SLEEPY.trimEnd()]) {
      expect(read(text).findings.map(({ code, line, column }) => [code, line, column])).toEqual(plain);
    }
  });

  it('a key that stands twice counts as its last one, and is reported', () => {
    const text = deployment(
      'lifecycle:\n  preStop:\n    sleep: { seconds: 1 }\nlifecycle:\n  preStop:\n    sleep: { seconds: 99 }',
    );
    expect(codes(text)).toEqual(expect.arrayContaining(['PS061:21', 'PS022:23']));
  });
});

describe('input that is not worth reading on', () => {
  it('deep nesting is refused, with the line', () => {
    const brackets = read('['.repeat(100_000)).problems[0];
    expect(brackets).toMatchObject({ line: 1, message: expect.stringContaining('nested deeper') });
    const stairs = Array.from({ length: 2000 }, (_, index) => `${' '.repeat(index)}a:`).join('\n');
    expect(read(stairs).problems[0]?.message).toContain('nested deeper');
  });

  it('endless mistakes are given up', () => {
    expect(read(`a:\n${'\tx: 1\n'.repeat(200)}`).problems).toMatchObject([
      { line: 2, message: expect.stringContaining('tabs') },
    ]);
    const { problems } = read('}\n'.repeat(200));
    expect(problems).toHaveLength(6);
  });
});

describe('input that is no text', () => {
  it.each([
    ['a NUL byte', Buffer.from('kind: Pod\nname: \u0000\u0001\n'), 2, 'binary'],
    ['not UTF-8', Buffer.concat([Buffer.from('a: 1\nb: '), Buffer.from([0xc3, 0x28])]), 2, 'not UTF-8'],
    ['UTF-16', Buffer.from('\ufeffkind: Pod', 'utf16le'), 1, 'UTF-16'],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]), 1, 'binary'],
  ])('%s: exit 3, with file and line', async (_, bytes, line, words) => {
    const cwd = folder({ 'a.yaml': bytes });
    const { code, stdout } = await prestop(['lint', 'a.yaml'], { cwd });
    expect(code).toBe(3);
    expect(stdout).toContain(`a.yaml:${line}:`);
    expect(stdout).toContain(words);
    const piped = await prestop(['lint', '-'], { stdin: bytes });
    expect(piped.code).toBe(3);
    expect(piped.stdout).toContain(`<stdin>:${line}:`);
  });

  it('an empty standard input is a failed command before the pipe', async () => {
    const { code, stdout } = await prestop(['lint', '-'], { stdin: '\n' });
    expect(code).toBe(3);
    expect(stdout).toContain('standard input is empty');
  });

  it('missing and unreadable files are named, and the others are checked', async () => {
    const cwd = folder({ 'good.yaml': SLEEPY, 'secret.yaml': 'a: 1\n' });
    chmodSync(join(cwd, 'secret.yaml'), 0);
    const { code, stdout } = await prestop(['lint', 'missing.yaml', 'good.yaml'], { cwd });
    expect(code).toBe(3);
    expect(stdout).toContain('missing.yaml:1:1 unreadable no such file or directory\n');
    expect(stdout).toContain('PS022');
    const pattern = await prestop(['lint', 'k8s/*.yaml'], { cwd });
    expect(pattern.stdout).toContain('no such file or directory; patterns are for the shell');
  });
});

describe('folders', () => {
  it('are read deep and in order, without what is not meant', async () => {
    const cwd = folder({
      'k8s/b.yaml': SLEEPY,
      'k8s/a/c.yml': SLEEPY,
      'k8s/notes.txt': 'kind: [',
      'k8s/.hidden/x.yaml': 'kind: [',
      'k8s/node_modules/x.yaml': 'kind: [',
      'k8s/chart/Chart.yaml': 'name: chart\n',
      'k8s/chart/values.yaml': 'a: 1\n',
      'k8s/chart/templates/x.yaml': 'kind: {{ x }}\n',
    });
    symlinkSync('..', join(cwd, 'k8s/loop'));
    const { code, stdout, stderr } = await prestop(['lint', '--format', 'json', '--rule', 'PS022', 'k8s'], { cwd });
    const { findings, summary } = JSON.parse(stdout);
    expect(findings.map(({ file }: { file: string }) => file)).toEqual(['k8s/a/c.yml', 'k8s/b.yaml']);
    expect(summary.files).toBe(4);
    expect(code).toBe(1);
    expect(stderr).toContain('k8s/chart/templates: Helm templates');
  });

  it('leave out what --exclude names, files and folders', async () => {
    const cwd = folder({
      'a/x.yaml': SLEEPY,
      'a/b/y.yaml': SLEEPY,
      'a/bc/z.yaml': SLEEPY,
      'w.yaml': 'kind: [',
      'chart/Chart.yaml': 'name: chart\n',
      'chart/templates/x.yaml': 'kind: {{ x }}\n',
    });
    const args = ['--format', 'json', '--rule', 'PS022', '--exclude', 'a/b,w.yaml', '--exclude', './chart/'];
    const { code, stdout, stderr } = await prestop(['lint', ...args, '.', 'w.yaml'], { cwd });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout).findings.map(({ file }: { file: string }) => file)).toEqual(['a/bc/z.yaml', 'a/x.yaml']);
    expect(code).toBe(1);
  });

  it('a patch that a kustomization names is not blamed for what it leaves out', async () => {
    const patch = deployment('lifecycle:\n  preStop:\n    httpGet: { path: /prestop, port: admin, scheme: HTTPS }');
    const cwd = folder({
      'kustomization.yaml': 'resources: [base.yaml]\npatches:\n  - path: patch.yaml\n  - patch: |\n      - op: add\n',
      'patch.yaml': patch,
    });
    const { stdout } = await prestop(['lint', '--format', 'json', '.'], { cwd });
    const codes = JSON.parse(stdout).findings.map(({ code }: { code: string }) => code);
    expect(codes).toEqual(['PS016']);
    // That the init container is a sidecar stands in what the patch is applied to.
    const sidecar = 'initContainers:\n  - name: proxy\n    lifecycle: { preStop: { sleep: { seconds: 1 } } }';
    expect(lint([{ file: 'patch.yaml', text: deployment('', sidecar), fragment: true }]).findings).toEqual([]);
  });
});
