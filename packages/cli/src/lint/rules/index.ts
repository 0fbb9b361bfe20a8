import type { Rule, RuleInfo } from '../rule.ts';
import { documentRules } from './document.ts';
import { exposureRules } from './exposure.ts';
import { graceRules } from './grace.ts';
import { hookPlaceRules } from './hook-place.ts';
import { hookSdkRules } from './hook-sdk.ts';
import { hookShapeRules } from './hook-shape.ts';
import { loadBalancerRules } from './load-balancer.ts';
import { meshRules } from './mesh.ts';
import { probeGraceRules } from './probe-grace.ts';
import { probeRules } from './probes.ts';
import { processRules } from './process.ts';
import { rolloutRules } from './rollout.ts';

/** The rules that look at one pod template and what is around it. */
export const WORKLOAD_RULES: readonly Rule[] = [
  ...hookShapeRules,
  ...hookPlaceRules,
  ...hookSdkRules,
  ...graceRules,
  ...probeGraceRules,
  ...loadBalancerRules,
  ...probeRules,
  ...processRules,
  ...rolloutRules,
  ...exposureRules,
  ...meshRules,
].sort((a, b) => a.code.localeCompare(b.code));

/** Every rule of `prestop lint`, in the order of their codes. */
export const RULES: readonly RuleInfo[] = [...WORKLOAD_RULES, ...documentRules]
  .map(({ code, name, severity, summary, why, source, fix, fixable }) => ({
    code,
    name,
    severity,
    summary,
    why,
    source,
    fix,
    fixable,
  }))
  .sort((a, b) => a.code.localeCompare(b.code));
