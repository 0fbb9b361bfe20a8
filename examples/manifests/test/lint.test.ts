import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { type Finding, run } from 'prestop';
import { expect, it } from 'vitest';
import { EXAMPLES, YAML_FILES } from './support/files.ts';

/** The service as it was before the component was added to it. */
const BEFORE = 'manifests/adopted/shop.yaml';

async function prestop(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; stdout: string }> {
  let stdout = '';
  const code = await run(argv, {
    stdin: Readable.from([]),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: () => true },
    env,
    cwd: EXAMPLES,
  });
  return { code, stdout };
}

/** The commands of all exec handlers, in whole objects and in patches. */
function execCommands(node: unknown): (readonly string[])[] {
  if (typeof node !== 'object' || node === null) return [];
  const { exec } = node as { readonly exec?: { readonly command?: readonly string[] } };
  const own = exec?.command === undefined ? [] : [exec.command];
  return [...own, ...Object.values(node).flatMap(execCommands)];
}

it('finds nothing in the examples, but for the service that has not been given prestop yet', async () => {
  const { stdout } = await prestop(['lint', '--format', 'json', '.']);
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] };
  expect(findings.filter(({ file }) => file !== BEFORE)).toEqual([]);
  expect(findings.map(({ name }) => name)).toEqual(expect.arrayContaining(['no-hook', 'readiness-missing']));
});

it('takes the commands of the hooks as they are written', async () => {
  const server = createServer((_request, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const env = { ADMIN_PORT: String((server.address() as AddressInfo).port) };
  const commands = YAML_FILES.flatMap(({ documents }) => execCommands(documents)).filter(([name]) => name === 'node');
  expect(commands).toHaveLength(9);
  for (const [, , ...argv] of commands) {
    // Not "usage" (2): it was understood, it called, and 404 is not the SDK's answer.
    expect(await prestop(argv, env), argv.join(' ')).toMatchObject({ code: 6 });
  }
  server.close();
});
