import type { ServiceExit } from '@prestop/testkit';
import { DrillError } from './errors.ts';
import { exitWords } from './exit-words.ts';
import { lastOutput } from './not-ready.ts';
import type { DrillPod } from './pod.ts';
import type { ServiceSetting } from './settings.ts';

const HINT =
  'the first process of a pod must run until it is stopped; where another program has taken its port, run the drill again';

/** Why there is no result when the process of a pod has ended that nobody had begun to stop, with what it said. */
export function endedEarly({ service: ended }: DrillPod, { command }: ServiceSetting, exit: ServiceExit): DrillError {
  const message = `${command.join(' ')} ended with ${exitWords(exit)} before it was deleted. ${lastOutput(ended)}`;
  return new DrillError('ERR_PRESTOP_DRILL_SERVICE', message, { hint: HINT });
}
