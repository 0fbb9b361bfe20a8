import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const KUBECONFIG = process.env['PRESTOP_TEST_KUBECONFIG'] ?? '';
if (KUBECONFIG === '') throw new Error('PRESTOP_TEST_KUBECONFIG is not set; npm run test:kubernetes sets it');

/** A running kubectl; whoever starts it ends it. */
export function spawnKubectl(args: readonly string[]): ChildProcess {
  return spawn('kubectl', ['--kubeconfig', KUBECONFIG, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}

/**
 * What kubectl prints.
 *
 * @param input for `-f -`.
 * @throws Error with its words.
 */
export function kubectl(args: readonly string[], input = ''): Promise<string> {
  const child = spawnKubectl(args);
  const out: string[] = [];
  const errors: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  // It may end without having read what it is given; its exit code says why.
  child.stdin?.on('error', () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => {
      if (code === 0) resolve(out.join(''));
      else reject(new Error(`kubectl ${args.join(' ')}: ${errors.join('').trim() || `exit code ${code}`}`));
    });
  });
}

/** Every line that kubectl prints, until it is ended. */
export function kubectlLines(args: readonly string[], onLine: (line: string) => void): { end(): void } {
  const child = spawnKubectl(args);
  child.stdin?.end();
  // Complaints of a watch whose namespace goes away; what is missing shows in the test.
  child.stderr?.resume();
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', onLine);
  return { end: () => void child.kill() };
}
