import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { fix, lint, RULES } from '../src/index.ts';

const FIXTURES = new URL('./fixtures/rules/', import.meta.url);
const FIXABLE = RULES.filter(({ fixable }) => fixable).map(({ code }) => code);

function fixed(text: string, code: string): string {
  const { outputs } = fix([{ file: 'a.yaml', text }], { rules: [code] });
  return outputs[0]?.text ?? '';
}

function mendable(text: string, code: string): number {
  return lint([{ file: 'a.yaml', text }], { rules: [code] }).findings.filter(({ edits }) => edits.length > 0).length;
}

describe.each(FIXABLE)('--fix of %s', (code) => {
  const text = readFileSync(new URL(`${code}/fail.yaml`, FIXTURES), 'utf8');

  it('mends what it says it can, keeps every comment, and changes nothing the second time', () => {
    expect(mendable(text, code)).toBeGreaterThan(0);
    const once = fixed(text, code);
    expect(once).not.toBe(text);
    expect(mendable(once, code)).toBe(0);
    expect(fixed(once, code)).toBe(once);
    const { problems } = lint([{ file: 'a.yaml', text: once }]);
    expect(problems).toEqual([]);
  });

  it('changes only the lines that it has to', () => {
    const before = text.split('\n');
    const after = new Set(fixed(text, code).split('\n'));
    const gone = before.filter((line) => !after.has(line));
    // A changed or removed line each; an inserted line takes nothing away.
    expect(gone.length).toBeLessThanOrEqual(mendable(text, code));
  });

  it('keeps CRLF line ends', () => {
    const crlf = fixed(text.replaceAll('\n', '\r\n'), code);
    expect(crlf.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(crlf.replaceAll('\r\n', '\n')).toBe(fixed(text, code));
  });

  it('works at the end of a file without a line break', () => {
    const bare = text.trimEnd();
    expect(mendable(fixed(bare, code), code)).toBe(0);
  });
});

describe.each<[string, (object: unknown) => string]>([
  ['JSON', (object) => JSON.stringify(object, null, 2)],
  ['JSON on one line', (object) => JSON.stringify(object)],
  ['four spaces', (object) => stringify(object, { indent: 4 })],
  ['lists in the column of their keys', (object) => stringify(object, { indentSeq: false })],
  ['keys in quotes', (object) => stringify(object, { defaultKeyType: 'QUOTE_DOUBLE', singleQuote: true })],
  ['a comment behind every line', (object) => stringify(object).replaceAll(/(?<=\S)\n/g, ' # why\n')],
])('--fix of a manifest written as %s', (layout, write) => {
  it.each(FIXABLE)('%s mends what it says it can, and nothing the second time', (code) => {
    const documents = parseAllDocuments(readFileSync(new URL(`${code}/fail.yaml`, FIXTURES), 'utf8'), { merge: true });
    for (const text of documents.map((document) => write(document.toJS()))) {
      const once = fixed(text, code);
      expect(mendable(once, code)).toBe(0);
      expect(fixed(once, code)).toBe(once);
      expect(lint([{ file: 'a.yaml', text: once }]).problems).toEqual([]);
      if (layout.startsWith('JSON')) expect(() => JSON.parse(once)).not.toThrow();
      expect(once.split('# why').length).toBeGreaterThanOrEqual(text.split('# why').length - mendable(text, code));
    }
  });
});

it('a rule is marked as fixable exactly when its fixture shows a fix', () => {
  for (const { code, fixable } of RULES) {
    const text = readFileSync(new URL(`${code}/fail.yaml`, FIXTURES), 'utf8');
    expect(mendable(text, code) > 0, code).toBe(fixable);
  }
});

describe('all fixes together', () => {
  const text = `# the order service
apiVersion: apps/v1
kind: Deployment
metadata: { name: orders }   # flow
spec:
  template:
    metadata:
      labels: { app: orders }
    spec:
      # how long it may take
      terminationGracePeriodSeconds: "45" # seconds
      containers:
      - name: app       # list in the column of its key
        image: orders:1.0.0
        env:
        - {name: TERMINATION_GRACE_PERIOD_SECONDS, value: "30"} # one line
        lifecycle:
          preStop:
            httpGet: {path: /preStop, host: 127.0.0.1, port: 9090, scheme: HTTPS}
        livenessProbe:
          httpGet:
            path: '/readyz'
            port: 9090

        readinessProbe:
          terminationGracePeriodSeconds: 5
          # asks the registry
          httpGet:
            path: /readyz
            port: 9090
`;

  it('end where nothing is left to mend, in one call', () => {
    const { outputs, fixed: count, result } = fix([{ file: 'a.yaml', text }]);
    expect(outputs[0]?.text).toBe(`# the order service
apiVersion: apps/v1
kind: Deployment
metadata: { name: orders }   # flow
spec:
  template:
    metadata:
      labels: { app: orders }
    spec:
      # how long it may take
      terminationGracePeriodSeconds: 45 # seconds
      containers:
      - name: app       # list in the column of its key
        image: orders:1.0.0
        terminationMessagePolicy: FallbackToLogsOnError
        env:
        - {name: TERMINATION_GRACE_PERIOD_SECONDS, value: "45"} # one line
        lifecycle:
          preStop:
            httpGet: {path: /prestop, port: 9090}
        livenessProbe:
          httpGet:
            path: '/livez'
            port: 9090

        readinessProbe:
          # asks the registry
          httpGet:
            path: /readyz
            port: 9090
`);
    expect(result.findings.filter(({ edits }) => edits.length > 0)).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(7);
    expect(fix(outputs).outputs).toEqual(outputs);
  });

  it('leave alone what is shared through an anchor or a merge key', () => {
    const shared = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: orders
spec:
  template:
    spec:
      containers:
        - &base
          name: app
          image: orders:1.0.0
          lifecycle:
            preStop:
              httpGet: &get
                path: /prestop
                port: 9090
                scheme: HTTPS
        - <<: *base
          name: second
          livenessProbe:
            httpGet: *get
`;
    const { outputs } = fix([{ file: 'a.yaml', text: shared }], { rules: ['PS016'] });
    // The anchor's own place is mended, once; the places that refer to it follow.
    expect(outputs[0]?.text).toBe(shared.replace('                scheme: HTTPS\n', ''));
    const merged = shared
      .replace('httpGet: &get', 'httpGet:')
      .replace('            httpGet: *get', '            tcpSocket: { port: 1 }');
    const result = lint([{ file: 'a.yaml', text: merged }], { rules: ['hook-https'] });
    expect(result.findings.map(({ container, edits }) => [container, edits.length])).toEqual([['app', 1]]);
  });

  it('leave JSON JSON', () => {
    const hook = { preStop: { httpGet: { path: '/preStop', port: 9090 } } };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'orders' },
      spec: { containers: [{ name: 'app', image: 'orders:1.0.0', lifecycle: hook }] },
    };
    for (const space of [undefined, 2, '\t']) {
      const { outputs, fixed: count } = fix([{ file: 'a.json', text: JSON.stringify(pod, null, space) }]);
      expect(count).toBe(3);
      const { spec } = JSON.parse(outputs[0]?.text ?? '');
      expect(spec).toMatchObject({
        terminationGracePeriodSeconds: 30,
        containers: [
          {
            terminationMessagePolicy: 'FallbackToLogsOnError',
            lifecycle: { preStop: { httpGet: { path: '/prestop' } } },
          },
        ],
      });
    }
  });

  it('does not touch findings that are ignored', () => {
    const ignored = readFileSync(new URL('PS046/fail.yaml', FIXTURES), 'utf8');
    const text = `# prestop-ignore-file PS046 the log is elsewhere\n${ignored}`;
    expect(fixed(text, 'PS046')).toBe(text);
  });
});
