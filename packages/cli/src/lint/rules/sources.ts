/** The pages that the rules go back to. */
export const SOURCES = {
  hooks: 'https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/',
  lifecycleApi: 'https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#lifecycle-1',
  podApi: 'https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/',
  termination: 'https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination',
  restartPolicy: 'https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy',
  stopSignals: 'https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/4960-container-stop-signals',
  sleepAction: 'https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/3960-pod-lifecycle-sleep-action',
  sidecars: 'https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/',
  initContainers: 'https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#detailed-behavior',
  podSecurity: 'https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline',
  probes: 'https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/',
  probeGrace:
    'https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#probe-level-terminationgraceperiodseconds',
  terminationMessage:
    'https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/#customizing-the-termination-message',
  shareProcess: 'https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/',
  deployment: 'https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment',
  disruption: 'https://kubernetes.io/docs/tasks/run-application/configure-pdb/',
  networkPolicy: 'https://kubernetes.io/docs/concepts/services-networking/network-policies/',
  secrets: 'https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-environment-variables',
  consistentHttp: 'https://github.com/kubernetes/kubernetes/issues/68940',
  dockerNode: 'https://github.com/nodejs/docker-node/blob/main/docs/BestPractices.md',
  albDelay:
    'https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay',
  istioProxyConfig: 'https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig',
  istioHooks: 'https://github.com/istio/istio/issues/30857',
  linkerdShutdown: 'https://linkerd.io/2/tasks/graceful-shutdown/',
  duplicateKeys: 'https://yaml.org/spec/1.2.2/#3213-node-comparison',
} as const;
