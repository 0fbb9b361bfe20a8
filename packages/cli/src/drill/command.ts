import type { Command } from '../commands/command.ts';
import { CASES } from './cases/case.ts';
import { DRILL_OPTIONS } from './command-options.ts';
import { DRILL_EXIT } from './exit-codes.ts';

export const drillCommand: Command = {
  name: 'drill',
  summary: 'Plays the kubelet and the callers for a service on this machine, and says what is lost.',
  usage: 'drill [OPTIONS] -- COMMAND …',
  options: DRILL_OPTIONS,
  examples: [
    { command: 'prestop drill -- node server.js', does: 'Delete a pod under load; exit 1 if a request is lost' },
    {
      command: "prestop drill -m k8s/orders.yaml -r '8x GET /orders/7' -r 'GET /orders/7/invoice' -- node server.js",
      does: 'With the hook, probes and grace period of the manifest, and a slow route',
    },
    {
      command: 'prestop drill --case all --fault all --lag exponential:1s/8s --html drill.html -- node server.js',
      does: 'Everything that can happen, with a picture',
    },
    {
      command: "prestop drill --compare 'node server-before.js' -- node server.js",
      does: 'Two side by side',
    },
  ],
  details,
  async run(args, io) {
    // The load generator and the pages are of no use to the other commands.
    const { runDrillCommand } = await import('./run-command.ts');
    return runDrillCommand(drillCommand, args, io);
  },
};

function details(): string {
  const width = Math.max(...[...CASES.keys()].map(({ length }) => length));
  return [
    'Starts the command as a pod, calls it, starts another pod beside it and stops the first one in the order and',
    'arithmetic of the kubelet: preStop hook, SIGTERM, SIGKILL at the end of the grace period. Callers learn late',
    'that it is gone, as those of a Service or a registry do, and go on calling. Every request that gets no complete',
    '2xx answer is lost; none is sent twice. Works for any HTTP service, with the SDK and without it.',
    '',
    'Every pod gets free ports of its own. A service that takes them from the environment is told by --port; one that',
    'has fixed ports is told as well (--port 3000): its listen() gets a free one instead.',
    '',
    'Cases:',
    ...[...CASES.values()].map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'The same seed gives the same requests, pauses and lags; the schedule in the result proves it.',
    '',
    `Exit codes: ${DRILL_EXIT.passed} everything held; ${DRILL_EXIT.failed} something did not; ${DRILL_EXIT.usage} usage; ${DRILL_EXIT.noResult} the service could not be started or`,
    `called, or what was named cannot be played; ${DRILL_EXIT.inconclusive} nothing was lost, but nothing was put to the test; ${DRILL_EXIT.interrupted} interrupted.`,
  ].join('\n');
}
