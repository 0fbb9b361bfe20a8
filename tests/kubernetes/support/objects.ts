/** What the tests read and change of the API's objects. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Metadata;
}

export interface Metadata {
  name: string;
  readonly uid?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Container {
  name: string;
  image: string;
  command?: readonly string[];
  env?: { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  lifecycle?: unknown;
  startupProbe?: unknown;
  livenessProbe?: unknown;
  readinessProbe?: unknown;
  ports?: readonly unknown[];
  volumeMounts?: readonly unknown[];
  readonly [field: string]: unknown;
}

export interface PodSpec {
  terminationGracePeriodSeconds?: number;
  containers: Container[];
  volumes?: readonly unknown[];
  [field: string]: unknown;
}

export interface Deployment extends KubeObject {
  readonly spec: { replicas?: number; readonly template: { readonly spec: PodSpec } };
}

export interface ContainerState {
  readonly running?: { readonly startedAt: string };
  readonly terminated?: { readonly exitCode: number; readonly reason: string; readonly message?: string };
}

export interface ContainerStatus {
  readonly name: string;
  readonly state: ContainerState;
  readonly lastState: ContainerState;
  readonly ready: boolean;
  readonly restartCount: number;
}

export interface Pod extends KubeObject {
  readonly spec: PodSpec;
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface KubeEvent extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

export interface EndpointSlice extends KubeObject {
  readonly endpoints?: readonly {
    readonly targetRef?: { readonly name: string };
    readonly conditions: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  }[];
}

export function isDeployment(object: KubeObject): object is Deployment {
  return object.kind === 'Deployment';
}

export function isReady(pod: Pod | undefined): boolean {
  return pod?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}
