import { parseArgs } from 'node:util';
import { ADDRESS_VARIABLE, type ServerName, type Unavailable } from './availability.ts';
import { openConsul, openNacos, resolveConsul, resolveNacos, type TestServer } from './test-servers.ts';

const USAGE = `npm run servers [-- --start]

Builds the Consul and Nacos that the tests need, unless they are in the cache or named in
${ADDRESS_VARIABLE.Consul} and ${ADDRESS_VARIABLE.Nacos}.

  --start   starts both on free ports and keeps them until Ctrl-C
  --help    this text
`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { start: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help === true) process.stdout.write(USAGE);
  else if (values.start === true) await keepRunning();
  else await prepare();
}

async function prepare(): Promise<void> {
  const [consul, nacos] = await Promise.all([resolveConsul(), resolveNacos()]);
  for (const [name, found] of [
    ['Consul', consul],
    ['Nacos', nacos],
  ] as const) {
    if (!found.available) sayMissing(found);
    else if (found.origin === 'environment') say(`${name}: runs at ${found.addr} (${ADDRESS_VARIABLE[name]})`);
    else say(`${name}: from the ${found.origin}: ${'binary' in found ? found.binary : found.classpath}`);
  }
}

async function keepRunning(): Promise<void> {
  const servers: readonly [ServerName, TestServer | Unavailable][] = [
    ['Consul', await openConsul()],
    ['Nacos', await openNacos()],
  ];
  const running: TestServer[] = [];
  for (const [name, server] of servers) {
    if (!server.available) {
      sayMissing(server);
      continue;
    }
    running.push(server);
    say(`export ${ADDRESS_VARIABLE[name]}=${server.addr}`);
  }
  if (running.length === 0) return;
  say('Ctrl-C ends them.');
  await new Promise<void>((resolve) => {
    // The listeners stay: under npm, Ctrl-C arrives twice, and the second must not cut the end short.
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => resolve());
  });
  await Promise.all(running.map((server) => server.stop()));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A server that is missing is the exit code 1. */
function sayMissing({ server, why, how }: Unavailable): void {
  process.exitCode = 1;
  process.stderr.write(`${server}: not available: ${why}\n  ${how}\n`);
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
