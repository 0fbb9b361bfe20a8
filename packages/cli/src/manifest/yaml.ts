import { SDK_DEFAULTS } from '../defaults.ts';
import { BUDGET_ANNOTATIONS } from '../lint/settings.ts';
import { yamlString } from '../yaml/edit.ts';
import type { ManifestPlan } from './options.ts';

const { paths, graceSetting, adminPortSetting, tokenSetting, adminPortName } = SDK_DEFAULTS;

/** Deployment, Service, NetworkPolicy and PodDisruptionBudget, with the reasons beside the fields. */
export function renderYaml(plan: ManifestPlan): string {
  return [deployment(plan), service(plan), networkPolicy(plan), disruptionBudget(plan)].join('---\n');
}

/** `30 s = 15 s for late callers + 10 s for requests in flight + 5 s reserve` */
export function arithmetic({ grace, lateCallers, requests, closers, reserve }: ManifestPlan): string {
  const closing = closers > 0 ? ` + ${closers} s closers` : '';
  return `${grace} s = ${lateCallers} s for late callers + ${requests} s for requests in flight${closing} + ${reserve} s reserve`;
}

function deployment(plan: ManifestPlan): string {
  const name = yamlString(plan.name);
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/name: ${name}
spec:
  replicas: ${plan.replicas}
  selector:
    matchLabels:
      app.kubernetes.io/name: ${name}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0 # no ready pod goes before its successor is ready
  template:
    metadata:
      labels:
        app.kubernetes.io/name: ${name}
      annotations:
        # What prestop lint adds up; say your own longest request.
${budget(plan)}    spec:
      # ${arithmetic(plan)}
      # At the most: when callers have stopped and requests are finished, nobody waits for the rest.
      terminationGracePeriodSeconds: ${plan.grace}
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000 # "node" in the official image
        runAsGroup: 1000
${plan.registry === 'file' ? '        fsGroup: 1000\n' : ''}        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: ${name}
          image: ${yamlString(plan.image)}
          # node itself: npm or a shell in its place would not hand SIGTERM on.
          command: ["node", "dist/server.js"]
          ports:
            - name: http
              containerPort: ${plan.port}
            - name: ${adminPortName} # hook and probes; no Service names it
              containerPort: ${plan.adminPort}
          env:
${environment(plan)}          lifecycle:
            preStop:
${hook(plan)}          # Not killed while it starts: 30 tries, one a second.
          startupProbe:
            httpGet:
              path: ${paths.livez}
              port: ${adminPortName}
            periodSeconds: 1
            failureThreshold: 30
            terminationGracePeriodSeconds: ${Math.min(10, plan.grace)}
          readinessProbe:
            httpGet:
              path: ${paths.readyz} # ready means: registered, and listed for callers
              port: ${adminPortName}
            periodSeconds: 2
          livenessProbe:
            httpGet:
              path: ${paths.livez}
              port: ${adminPortName}
            periodSeconds: 10
            failureThreshold: 3
            # A blocked event loop answers no hook; the restart need not wait ${plan.grace} s for it.
            terminationGracePeriodSeconds: ${Math.min(10, plan.grace)}
          # When requests were cut the exit code is not 0, and the pod status shows the report.
          terminationMessagePolicy: FallbackToLogsOnError
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: ["ALL"]
${volumes(plan)}`;
}

/** The numbers that `prestop lint` cannot see, where they are not its defaults. */
function budget(plan: ManifestPlan): string {
  const { floorSeconds, longestRequestSeconds, closersSeconds } = BUDGET_ANNOTATIONS;
  const lines = [
    `${longestRequestSeconds}: "${plan.longestRequest}"`,
    ...(plan.floor === SDK_DEFAULTS.floorSeconds ? [] : [`${floorSeconds}: "${plan.floor}"`]),
    ...(plan.closers === 0 ? [] : [`${closersSeconds}: "${plan.closers}"`]),
  ];
  return indented(lines, 8);
}

function environment(plan: ManifestPlan): string {
  const lines = [
    `- name: ${graceSetting}`,
    `  value: "${plan.grace}" # the same number as terminationGracePeriodSeconds`,
  ];
  if (plan.adminPort !== SDK_DEFAULTS.adminPort) {
    lines.push(`- name: ${adminPortSetting}`, `  value: "${plan.adminPort}"`);
  }
  if (plan.tokenSecret !== undefined) {
    lines.push(
      `- name: ${tokenSetting}`,
      '  valueFrom:',
      '    secretKeyRef:',
      `      name: ${yamlString(plan.tokenSecret)}`,
      '      key: token',
    );
  }
  switch (plan.registry) {
    case 'consul':
      if (plan.registryAddress.includes('$(HOST_IP)')) {
        lines.push(
          '# The agent of the own node: an agent knows only what was registered with it.',
          '- name: HOST_IP',
          '  valueFrom:',
          '    fieldRef:',
          '      fieldPath: status.hostIP',
        );
      }
      lines.push('- name: CONSUL_HTTP_ADDR', `  value: ${JSON.stringify(plan.registryAddress)}`);
      break;
    case 'nacos':
      lines.push(
        '# Every server, host:port,host:port, rather than an address in front of them: gone is what they all say.',
        '- name: NACOS_SERVER_ADDR',
        `  value: ${JSON.stringify(plan.registryAddress)}`,
      );
      break;
    case 'file':
      lines.push('- name: REGISTRY_DIR', `  value: ${JSON.stringify(plan.registryAddress)}`);
      break;
    case 'none':
      break;
  }
  return indented(lines, 12);
}

function hook(plan: ManifestPlan): string {
  const lines =
    plan.tokenSecret === undefined
      ? [
          '# Answered when callers have stopped and requests are finished; SIGTERM follows. No host: the pod is meant.',
          'httpGet:',
          `  path: ${paths.prestop}`,
          `  port: ${adminPortName}`,
        ]
      : [
          '# By exec, since httpGet cannot take a header from a Secret. Ends when callers have stopped and requests are',
          '# finished; SIGTERM follows. The package "prestop" has to be in the image.',
          'exec:',
          '  command: ["node", "node_modules/prestop/dist/bin.js", "hook", "prestop"]',
        ];
  return indented(lines, 14);
}

function volumes(plan: ManifestPlan): string {
  if (plan.registry !== 'file') return '';
  return `          volumeMounts:
            - name: registry
              mountPath: ${JSON.stringify(plan.registryAddress)}
      volumes:
        # Shared with the callers: make the claim first, with access mode ReadWriteMany.
        - name: registry
          persistentVolumeClaim:
            claimName: ${yamlString(`${plan.name}-registry`)}
`;
}

function service(plan: ManifestPlan): string {
  const name = yamlString(plan.name);
  return `apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/name: ${name}
spec:
  selector:
    app.kubernetes.io/name: ${name}
  ports:
    # The ${adminPortName} port is left out: through a Service anybody could call ${paths.prestop}.
    - name: http
      port: ${plan.port}
      targetPort: http
`;
}

function networkPolicy(plan: ManifestPlan): string {
  const name = yamlString(plan.name);
  return `# Keeps other pods from the ${adminPortName} port. The kubelet always passes: traffic from the own node is allowed.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/name: ${name}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: ${name}
  policyTypes: ["Ingress"]
  ingress:
    - ports:
        - protocol: TCP
          port: http
`;
}

function disruptionBudget(plan: ManifestPlan): string {
  const name = yamlString(plan.name);
  return `# Draining nodes takes one pod at a time, and is never blocked.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/name: ${name}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: ${name}
`;
}

function indented(lines: readonly string[], columns: number): string {
  return lines.map((line) => `${' '.repeat(columns)}${line}\n`).join('');
}
