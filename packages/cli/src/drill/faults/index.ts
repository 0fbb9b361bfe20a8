import {
  abortingCaller,
  deafCaller,
  expectContinue,
  halfHead,
  openStream,
  pipelined,
  silentConnection,
  slowUpload,
} from './callers.ts';
import { frozenProcess, registryOutage } from './environment.ts';
import type { Fault, FaultName } from './fault.ts';

const FAULT_LIST: readonly Fault[] = [
  silentConnection,
  halfHead,
  pipelined,
  slowUpload,
  expectContinue,
  openStream,
  deafCaller,
  abortingCaller,
  frozenProcess,
  registryOutage,
];

export const FAULTS: ReadonlyMap<FaultName, Fault> = new Map(FAULT_LIST.map((fault) => [fault.name, fault]));

/** @throws Error for a name that is not one of `FAULT_NAMES`. */
export function faultNamed(name: FaultName): Fault {
  const found = FAULTS.get(name);
  if (found === undefined) throw new Error(`there is no fault "${String(name)}"`);
  return found;
}
