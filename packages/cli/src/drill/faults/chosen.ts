import { usageError } from '../../errors.ts';
import { DrillError } from '../errors.ts';
import { oneOf } from '../option-values.ts';
import { type DrillRequest, parseRequestLine } from '../requests/request-line.ts';
import type { FaultSetting } from '../settings.ts';
import { requestFor } from '../stop-pod.ts';
import { FAULT_NAMES, type FaultName, type FaultRequest } from './fault.ts';
import { faultNamed } from './index.ts';

/** What faults need to be run. */
export interface FaultSources {
  readonly requests: readonly DrillRequest[];
  /** Whether callers look in the file registry. */
  readonly hasRegistry: boolean;
}

/** The faults that `--fault` names, each once. @throws CliError for one that is not there or cannot be run. */
export function chosenFaults(words: readonly string[], sources: FaultSources): readonly FaultSetting[] {
  const named = new Map<FaultName, FaultSetting>();
  let all = false;
  // A request may have commas in it.
  for (const word of words.flatMap((text) => (text.includes('=') ? [text] : text.split(',')))) {
    const [first = '', ...line] = word.trim().split('=');
    if (first === 'all') {
      if (line.length > 0) throw usageError('--fault all has no request of its own');
      all = true;
      continue;
    }
    const name = oneOf('fault', first, FAULT_NAMES);
    const setting = { ...faultOf(name, line.join('='), sources), named: true };
    const known = named.get(name);
    if (known?.request !== undefined && setting.request !== undefined) {
      throw usageError(`--fault ${name} is given two requests, and asks for one`);
    }
    named.set(name, { ...known, ...setting });
  }
  const others = all ? FAULT_NAMES.filter((name) => !named.has(name) && canRun(name, sources)) : [];
  return [...named.values(), ...others.map((name) => ({ name }))];
}

/**
 * Those that can be played with the requests that work; the others, and why, are left out.
 *
 * @throws DrillError `ERR_PRESTOP_DRILL_REQUEST` for one that was named.
 */
export function playableFaults(
  settings: readonly FaultSetting[],
  requests: readonly DrillRequest[],
): { readonly faults: readonly FaultSetting[]; readonly leftOut: readonly string[] } {
  const faults: FaultSetting[] = [];
  const leftOut: string[] = [];
  for (const setting of settings) {
    const { name, request, named = false } = setting;
    const needs = faultNamed(name).request;
    if (needs === 'none' || request !== undefined || requestFor(needs, requests) !== undefined) {
      faults.push(setting);
      continue;
    }
    const why = `${name} needs ${NEEDED[needs]}, and none that was found works`;
    if (named) throw new DrillError('ERR_PRESTOP_DRILL_REQUEST', why, { hint: exampleOf(name, needs) });
    leftOut.push(why);
  }
  return { faults, leftOut };
}

const NEEDED: Readonly<Record<Exclude<FaultRequest, 'none'>, string>> = {
  any: 'a request',
  'with-body': 'a request with a body',
  stream: 'a stream',
};

function exampleOf(name: FaultName, needs: FaultRequest): string {
  return needs === 'stream' ? `--fault '${name}=GET /events'` : `--fault '${name}=POST /orders {"lines":[]}'`;
}

function faultOf(name: FaultName, line: string, sources: FaultSources): FaultSetting {
  if (line === '') {
    if (canRun(name, sources)) return { name };
    const needs = faultNamed(name).request;
    if (needs === 'none') throw usageError(`--fault ${name} needs --registry file:SETTING`);
    throw usageError(`--fault ${name} has to be told what to ask for`, exampleOf(name, needs));
  }
  const needs = faultNamed(name).request;
  if (needs === 'none') {
    if (!canRun(name, sources)) throw usageError(`--fault ${name} needs --registry file:SETTING`);
    throw usageError(`--fault ${name} asks for nothing, not for "${line}"`);
  }
  const request = parseRequestLine(line);
  if (request === undefined) throw usageError(`--fault ${name}: "${line}" is no request`);
  if (needs === 'with-body' && request.body === undefined) {
    throw usageError(
      `--fault ${name} needs a request with a body, not "${line}"`,
      `--fault '${name}=${line} {"lines":[]}'`,
    );
  }
  return { name, request };
}

function canRun(name: FaultName, { requests, hasRegistry }: FaultSources): boolean {
  if (name === 'registry-outage') return hasRegistry;
  const { request } = faultNamed(name);
  return request === 'none' || requestFor(request, requests) !== undefined;
}
