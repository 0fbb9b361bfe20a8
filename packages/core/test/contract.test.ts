import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { CONNECTION_KINDS } from '../src/connection.ts';
import { DEFAULTS } from '../src/defaults.ts';
import { ENDPOINTS, endpointHandler, GUARDED_ENDPOINTS, TOKEN_HEADER } from '../src/endpoints.ts';
import {
  LIFECYCLE_ERROR_CODES,
  LifecycleError,
  REGISTRY_ERROR_BODY_LIMIT,
  REGISTRY_ERROR_KINDS,
  RegistryError,
} from '../src/errors.ts';
import { EVENT_NAMES, WARNING_CODES } from '../src/events.ts';
import { createLifecycle } from '../src/lifecycle.ts';
import { ADMIN_RULES, OPTION_RULES, QUIET_RULES } from '../src/lifecycle-options.ts';
import { LONG_LIVED_RULES } from '../src/long-lived.ts';
import type { OptionRule } from '../src/option-rules.ts';
import { EXIT_CODES } from '../src/report.ts';
import { UNCOUNTED_USER_AGENTS } from '../src/request-classifier.ts';
import { type EventStreamResponse, endEventStream } from '../src/sse.ts';
import { drainWebSockets } from '../src/web-sockets.ts';
import type { WebSocketLike } from '../src/web-sockets-drain.ts';
import { codes, names, page, section, table } from './support/markdown.ts';
import { SAMPLE_EVENTS } from './support/sample-events.ts';

describe('docs/options.md', () => {
  const options = page('options.md');
  const groups: readonly [
    string,
    Readonly<Record<string, OptionRule>>,
    Readonly<Record<string, readonly unknown[]>>,
  ][] = [
    [
      '',
      OPTION_RULES,
      {
        terminationGracePeriodSeconds: [DEFAULTS.terminationGracePeriodSeconds],
        reserveMs: [DEFAULTS.reserveMs, DEFAULTS.reserveShare],
        registry: [],
        deregistrationMs: [DEFAULTS.deregistrationMs, DEFAULTS.deregistrationShare],
        floorMs: ['settleMs', DEFAULTS.endpointsSettleMs],
        minDrainMs: [DEFAULTS.drainShare],
        quiet: [],
        longLived: [],
        admin: [],
        signals: DEFAULTS.signals,
        readyzWhileServing: ['fail'],
        resumeAfterMs: [DEFAULTS.resumeAfterMs],
        uncountedUserAgents: UNCOUNTED_USER_AGENTS,
        isCounted: [],
        faults: ['ignore'],
        start: ['listening'],
        logger: [],
        terminationMessagePath: ['/dev/termination-log'],
        exit: ['process.exit'],
      },
    ],
    [
      'quiet',
      QUIET_RULES,
      {
        minMs: [DEFAULTS.quiet.minMs],
        maxMs: [DEFAULTS.quiet.maxMs],
        missedRequests: [DEFAULTS.quiet.missedRequests],
      },
    ],
    [
      'longLived',
      LONG_LIVED_RULES,
      {
        eventStreams: [DEFAULTS.longLived.eventStreams],
        tunnels: [DEFAULTS.longLived.tunnels],
        upgrades: [DEFAULTS.longLived.upgrades],
      },
    ],
    ['admin', ADMIN_RULES, { port: [DEFAULTS.admin.port], host: [], token: [] }],
  ];

  describe.each(groups)('table "%s"', (heading, rules, defaults) => {
    const rows = table(section(options, heading));

    test('lists every option once, in the order of the code', () => {
      expect(names(rows)).toEqual(Object.keys(rules));
    });

    test('says what each must be in the words of the code', () => {
      expect(rows.map(([, rule]) => rule)).toEqual(Object.values(rules).map(({ rule }) => rule));
    });

    test('gives the defaults of the code', () => {
      expect(Object.fromEntries(rows.map(([name, , cell]) => [codes(name)[0], codes(cell)]))).toEqual(
        Object.fromEntries(Object.entries(defaults).map(([name, values]) => [name, values.map(String)])),
      );
    });

    test('says something about each', () => {
      for (const [, , , words = ''] of rows) expect(words.length).toBeGreaterThan(20);
    });
  });

  const refusals: readonly [string, (options: object) => unknown][] = [
    ['onClose', (given) => createLifecycle({ logger: false }).onClose('pool', () => {}, given)],
    ['hold', (given) => createLifecycle({ logger: false }).hold('orders', given)],
    ['handler', (given) => createLifecycle({ logger: false }).handler(given)],
    ['drainWebSockets', (given) => drainWebSockets(NO_SOCKETS, createLifecycle({ logger: false }), given)],
    ['endEventStream', (given) => endEventStream(NO_RESPONSE, given)],
  ];

  test.each(refusals)('table "%s" lists what the method knows', (heading, give) => {
    const rows = table(section(options, heading));
    const known = /known options: (.*)$/
      .exec(refusal(() => give({ gracePeriodOfThePod: 1 })).message)?.[1]
      ?.split(', ');
    expect(names(rows)).toEqual(known);
    for (const [name, rule] of rows) {
      expect(refusal(() => give({ [codes(name)[0] ?? '']: Symbol('wrong') })).rule).toBe(rule);
    }
  });
});

const NO_SOCKETS = { clients: new Set<WebSocketLike>(), handleUpgrade: () => {} };
const NO_RESPONSE = { end: () => {} } as unknown as EventStreamResponse;

function refusal(run: () => unknown): LifecycleError {
  try {
    run();
  } catch (error) {
    if (error instanceof LifecycleError) return error;
  }
  throw new Error('it was accepted');
}

describe('docs/events.md', () => {
  const events = page('events.md');
  const rows = table(section(events));

  test('lists every event once, in the order of the code', () => {
    expect(names(rows)).toEqual(EVENT_NAMES);
  });

  test('lists the fields of each', () => {
    for (const name of EVENT_NAMES) {
      const cell = rows.find(([first]) => codes(first)[0] === name)?.[2];
      expect([name, codes(cell)]).toEqual([name, Object.keys(SAMPLE_EVENTS[name])]);
    }
  });

  test('lists the warnings and the triggers', () => {
    expect(names(table(section(events, 'Warnings')))).toEqual(WARNING_CODES);
    expect(names(table(section(events, 'Triggers')))).toEqual(['prestop', 'signal', 'call', 'fault']);
  });
});

describe('docs/errors.md', () => {
  const errors = page('errors.md');

  test('lists every code of a LifecycleError', () => {
    expect(names(table(section(errors, 'LifecycleError')))).toEqual(LIFECYCLE_ERROR_CODES);
  });

  test('lists every kind of a RegistryError, and whether it is tried again', () => {
    const rows = table(section(errors, 'RegistryError'));
    expect(rows.map(([kind, again]) => [codes(kind)[0], again])).toEqual(
      REGISTRY_ERROR_KINDS.map((kind) => [kind, new RegistryError('x', kind, '').retryable ? 'yes' : 'no']),
    );
  });

  test('gives the limit of a body and the code', () => {
    const text = section(errors, 'RegistryError');
    expect(text).toContain(`at most ${REGISTRY_ERROR_BODY_LIMIT} characters`);
    expect(codes(text)).toContain(new RegistryError('x', 'auth', '').code);
  });
});

test('docs/exit-codes.md lists every exit code', () => {
  const rows = table(section(page('exit-codes.md')));
  expect(rows.map(([name, code]) => [codes(name)[0], Number(code)])).toEqual(Object.entries(EXIT_CODES));
});

describe('docs/endpoints.md', () => {
  const endpoints = page('endpoints.md');
  const rows = table(section(endpoints));

  test('lists every endpoint, and which ask for the token', () => {
    expect(rows.map(([path, , token]) => [codes(path)[0], token])).toEqual(
      ENDPOINTS.map((path) => [path, GUARDED_ENDPOINTS.includes(path) ? 'yes' : 'no']),
    );
  });

  test('gives the methods that each takes', () => {
    for (const [path, methods] of rows) expect([path, methods]).toEqual([path, methodsOf(codes(path)[0] ?? '')]);
  });

  test('gives the port and the header', () => {
    expect(endpoints).toContain(`port ${DEFAULTS.admin.port}`);
    expect(codes(section(endpoints, 'Token'))).toContain(TOKEN_HEADER);
  });
});

/** The methods that an endpoint takes, as its own refusal gives them. */
function methodsOf(url: string): unknown {
  const handle = endpointHandler({ uncount: () => {} } as never);
  let allowed: unknown;
  const response = {
    setHeader: (_: string, value: unknown) => {
      allowed = value;
    },
    writeHead: () => {},
    end: () => {},
  };
  handle({ url, method: 'PATCH' } as IncomingMessage, response as unknown as ServerResponse);
  return allowed;
}

test('docs/report.md lists every kind of connection', () => {
  expect(names(table(section(page('report.md'), 'Connections')))).toEqual(CONNECTION_KINDS);
});
