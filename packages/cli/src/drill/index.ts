export type { CaseName } from './cases/case.ts';
export { CASE_NAMES, CASES } from './cases/case.ts';
export type { LossCause, LossExample, LossKind } from './diagnosis.ts';
export { type DrillOptions, drill } from './drill.ts';
export { DRILL_ERROR_CODES, DrillError, type DrillErrorCode } from './errors.ts';
export type { DrillEvent, DrillListener } from './events.ts';
export { FAULT_NAMES, type FaultName } from './faults/fault.ts';
export type { Lag } from './lag.ts';
export type { DrillRequest } from './requests/request-line.ts';
export type {
  CaseResult,
  Check,
  CheckOutcome,
  FaultResult,
  PodResult,
  ServicePhase,
  ServiceResult,
  SkippedCase,
  Verdict,
} from './result.ts';
export type {
  DrillSettings,
  FaultSetting,
  HookSetting,
  HttpTarget,
  LoadSetting,
  PortSlot,
  ProbePeriod,
  ProbeSetting,
  ReadinessSetting,
  RestartProbe,
  ServiceSetting,
} from './settings.ts';
