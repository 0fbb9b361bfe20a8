export {
  isLifecycleError,
  isRegistryError,
  LIFECYCLE_ERROR_CODES,
  LifecycleError,
  type LifecycleErrorCode,
  type LifecycleErrorDetails,
  REGISTRY_ERROR_BODY_LIMIT,
  REGISTRY_ERROR_KINDS,
  RegistryError,
  type RegistryErrorDetails,
  type RegistryErrorKind,
} from './errors.ts';
export * as optionRules from './option-rules.ts';
export type { RegistryAdapter, RegistryCallOptions, Sighting } from './registry.ts';
