import type { OptionSpec } from '../commands/command.ts';
import { SDK_DEFAULTS } from '../defaults.ts';
import { CASE_NAMES } from './cases/case.ts';
import { FAULT_NAMES } from './faults/fault.ts';
import { LAG_FORMS } from './lag.ts';
import type { PortSlot } from './settings.ts';

/** What the command line gives when it says nothing. Durations in milliseconds. */
export const DRILL_DEFAULTS = {
  ports: [
    { settings: ['PORT'] },
    // Where the admin server is when nobody reads the setting.
    { settings: [SDK_DEFAULTS.adminPortSetting], declared: SDK_DEFAULTS.adminPort },
  ] as readonly PortSlot[],
  graceSeconds: 30,
  startTimeoutMs: 30_000,
  /** Without a manifest; Kubernetes' own is 10 s. */
  readinessPeriod: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 3 },
  request: 'GET /',
  callers: 30,
  thinkMs: 40,
  clients: ['node', 'undici', 'new-connection'],
  timeoutMs: 30_000,
  lag: '2s',
  warmUpMs: 1_000,
  replicas: 1,
  seed: 1,
  case: 'rolling',
} as const;

export const DRILL_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'manifest',
    value: 'PATH',
    short: 'm',
    help: 'hook, probes, ports, settings and grace period from a manifest, or from a folder of them',
  },
  { name: 'workload', value: 'NAME', help: 'which one of the manifest; default the only one' },
  { name: 'container', value: 'NAME', help: 'which one of the pod; default the first with a preStop hook' },
  { name: 'allow-exec', help: "run an exec hook's command on this machine" },
  {
    name: 'port',
    value: 'PORT',
    short: 'p',
    multiple: true,
    help: `how the service takes its ports, the callers' first: a setting (PORT), a fixed number (3000) or both (PORT=3000); default PORT and ${SDK_DEFAULTS.adminPortSetting}=${SDK_DEFAULTS.adminPort}; those given take the place of the first`,
  },
  { name: 'env', value: 'NAME=VALUE', short: 'e', multiple: true, help: 'a setting of the service' },
  {
    name: 'ready',
    value: 'PATH',
    help: 'what answers 2xx when it is ready: /path where callers call, ADMIN_PORT:/path, https:ADMIN_PORT:/path, or tcp; default what there is',
  },
  { name: 'start-timeout', value: 'DURATION', help: 'longest start; default 30s' },
  {
    name: 'registry',
    value: 'file:SETTING',
    help: 'callers look in the file registry, whose directory the service gets in that setting; default a list that the drill keeps',
  },
  {
    name: 'hook',
    value: 'HOOK',
    help: "/path on the SDK's admin server or else where callers call, ADMIN_PORT:/path, https:ADMIN_PORT:/path, sleep:5s, none; default /prestop on that server, if there is one",
  },
  { name: 'stop-signal', value: 'SIGNAL', help: "the image's STOPSIGNAL; default stopSignal of the manifest, SIGTERM" },
  { name: 'grace', value: 'SECONDS', help: 'terminationGracePeriodSeconds; default 30' },
  {
    name: 'case',
    value: 'CASE',
    short: 'c',
    multiple: true,
    help: `what happens: all, ${CASE_NAMES.join(', ')}; default rolling`,
  },
  {
    name: 'fault',
    value: 'FAULT',
    multiple: true,
    help: `and beside it: all, ${FAULT_NAMES.join(', ')}; FAULT='GET /path' says what it asks for`,
  },
  { name: 'replicas', value: 'N', help: 'pods, deleted one after another; default 1' },
  { name: 'max-exit', value: 'DURATION', help: 'fail when an exit takes longer; default what the kubelet grants' },
  {
    name: 'request',
    value: 'REQUEST',
    short: 'r',
    multiple: true,
    help: "'GET /slow', '3x GET /', 'POST /orders {\"lines\":[]}'; default GET /",
  },
  { name: 'header', value: 'FIELD', multiple: true, help: "'Authorization: Bearer …', sent with every request" },
  { name: 'har', value: 'FILE', help: 'requests of a recording, the most frequent host, GET and HEAD' },
  { name: 'openapi', value: 'FILE', help: 'a request for each operation of a document, GET and HEAD' },
  { name: 'all-methods', help: 'the others of a recording or a document, too' },
  { name: 'callers', value: 'N', help: 'each with one request in flight; default 30' },
  { name: 'think', value: 'DURATION', help: 'pause of a caller between two requests; default 40ms' },
  {
    name: 'clients',
    value: 'KINDS',
    multiple: true,
    help: 'node, undici (both keep connections alive), new-connection, http2; default all but http2',
  },
  { name: 'timeout', value: 'DURATION', help: 'when a request without an answer is lost; default 30s' },
  { name: 'ca', value: 'FILE', help: 'call over TLS and trust these certificates' },
  { name: 'insecure', help: 'call over TLS and trust anybody' },
  {
    name: 'lag',
    value: 'LAG',
    short: 'l',
    help: `how late callers learn of a removal: ${LAG_FORMS}; default 2s, which is evenly up to 2s`,
  },
  { name: 'warm-up', value: 'DURATION', help: 'load before anything happens; default 1s' },
  { name: 'seed', value: 'N', help: 'decides requests, pauses and lags; default 1' },
  {
    name: 'compare',
    value: 'COMMAND',
    help: 'drill another command at the same time, for comparison; only the first one decides',
  },
  { name: 'compare-hook', value: 'HOOK', help: 'the hook of the other command; default the same' },
  { name: 'json', help: 'the result as JSON on standard output' },
  { name: 'junit', value: 'FILE', help: 'the result as JUnit XML' },
  { name: 'html', value: 'FILE', help: 'the result as one page with the timeline as a picture' },
  { name: 'dry-run', help: 'say what would be done, and do nothing' },
  { name: 'quiet', short: 'q', help: 'no progress' },
  { name: 'help', short: 'h', help: 'this page' },
];
