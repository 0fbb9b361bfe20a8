import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { folder } from '../support/folder.ts';
import { prestop } from '../support/io.ts';
import { deployment } from '../support/manifests.ts';
import { drilled, fixture, outcomes } from './support/drill.ts';

const COMMAND = ['node', fixture('probed.mjs')];
const UPLOAD = 'expect-continue=POST /up {"a":1}';

it('a stream that nobody ends takes the other faults nothing away', { timeout: 60_000 }, async () => {
  const options = [
    '--hook',
    'PORT:/drain',
    '--case',
    'hook-only',
    '--fault',
    UPLOAD,
    '--fault',
    'open-stream=GET /events',
  ];
  const { result } = await drilled(options, COMMAND);
  expect(outcomes(result)).toMatchObject({ 'fault:expect-continue': 'pass', back: 'pass' });
});

it('a fault whose request cannot be what it takes it for fails, and says so', async () => {
  const faults = ['--fault', 'open-stream=GET /', '--fault', 'slow-upload=POST /nothing {"a":1}'];
  const { code, result } = await drilled(['--hook', 'PORT:/drain', ...faults], COMMAND);
  expect(code).toBe(1);
  const detailOf = (id: string) => result.checks.find((each) => each.id === id)?.detail;
  expect(detailOf('fault:open-stream')).toMatch(/before the deletion: it has to be a stream that lasts/);
  expect(detailOf('fault:slow-upload')).toMatch(/could not begin: POST \/nothing answered 404/);
});

it('a hook that does not end within the grace period fails', async () => {
  // Of a service that has no admin server: it is asked where callers call.
  const { code, result } = await drilled(['--hook', '/drain', '--grace', '1'], COMMAND);
  expect(code).toBe(1);
  expect(result.checks.find(({ id }) => id === 'hook')?.detail).toMatch(/had not ended after 1 s, the grace period/);
});

it('the stop signal of the manifest is what is sent', async () => {
  const container = 'ports: [{ containerPort: 3000 }]\nlifecycle: { stopSignal: SIGQUIT }';
  const cwd = folder({ 'k8s.yaml': deployment(container) });
  const { result } = await drilled(['--manifest', `${cwd}/k8s.yaml`], COMMAND);
  expect(result.pods[0]).toMatchObject({ stopSignal: 'SIGQUIT', timeline: { exit: { signal: 'SIGQUIT' } } });
  const given = await drilled(['--manifest', `${cwd}/k8s.yaml`, '--stop-signal', 'INT'], COMMAND);
  expect(given.result.pods[0]?.timeline.exit).toMatchObject({ signal: 'SIGINT' });
});

it('a service that limits its callers gives no result, and the JUnit file says so', { timeout: 90_000 }, async () => {
  const cwd = folder({ 'drill.xml': 'of an earlier drill' });
  const junit = `${cwd}/drill.xml`;
  const { code, stderr } = await prestop([
    ...['drill', '-e', 'LIMIT=5', '--timeout', '1s', '--junit', junit],
    ...['--', ...COMMAND],
  ]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/the callers got 4 answers in 31 s, and \d+ × status 429/);
  expect(readFileSync(junit, 'utf8')).toContain('errors="1"');
});
