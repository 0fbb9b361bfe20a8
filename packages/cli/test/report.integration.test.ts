import { beforeAll, expect, it } from 'vitest';
import { get } from '../../core/test/fixtures/messages.ts';
import { withPod } from '../../core/test/fixtures/pod.ts';
import { assertBuilt, BIN, start } from './support/built.ts';

const OPTIONS = { terminationGracePeriodSeconds: 3, floorMs: 0, quiet: { minMs: 100, maxMs: 100 } };

beforeAll(assertBuilt);

it('explains the log of a service that had to cut a request', async () => {
  await withPod({ options: OPTIONS }, async (pod) => {
    const socket = await pod.open();
    socket.write(get('/never?token=secret'));
    await pod.entered('GET /never?token=secret');
    await pod.terminate(true, { gracePeriodSeconds: 3 });
    const { code, stdout, stderr } = await start(process.execPath, [BIN, 'report', '-'], { stdin: pod.output() });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(
      /^<stdin>:\d+: forced \(exit code 70\) after 2\.\d s; begun by \/prestop, joined by SIGTERM/m,
    );
    expect(stdout).toMatch(/1 in flight at the start, 0 answered, 1 cut/);
    expect(stdout).toMatch(/error: 1 request cut: GET \/never \(deadline, 2\.\d s old\)/);
    expect(stdout).not.toContain('secret');
  });
});
