import { describe, expect, it } from 'vitest';
import { lint } from '../src/index.ts';
import { deployment } from './support/manifests.ts';

const HOOK = 'lifecycle:\n  preStop:\n    httpGet: { path: /prestop, port: 9090 }';

function advice(text: string, rule: string, options: Parameters<typeof lint>[1] = {}): string | undefined {
  const { findings } = lint([{ file: 'a.yaml', text }], { ...options, rules: [rule] });
  return findings[0]?.fix;
}

function number(text: string | undefined, pattern: RegExp): number {
  return Number(pattern.exec(text ?? '')?.[1]);
}

/** A service behind an ALB, whose targets are pods. */
function behindAlb(grace: number, delay: number): string {
  return `${deployment(HOOK, `terminationGracePeriodSeconds: ${grace}`)}---
apiVersion: v1
kind: Service
metadata: { name: orders }
spec: { selector: { app: orders }, ports: [{ port: 80 }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: orders
  annotations:
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=${delay}
spec: { ingressClassName: alb, defaultBackend: { service: { name: orders, port: { number: 80 } } } }
`;
}

describe('who takes the advice has done enough', () => {
  it.each([3, 11, 12, 30, 64])('a load balancer and a grace period of %i s', (grace) => {
    const found = advice(behindAlb(grace, 300), 'PS031');
    const delay = number(found, /timeout_seconds=(\S+),/);
    const longer = number(found, /at least (\S+)$/);
    expect(Number.isInteger(delay) && Number.isInteger(longer), found).toBe(true);
    expect(advice(behindAlb(grace, delay), 'PS031')).toBeUndefined();
    expect(advice(behindAlb(longer, 300), 'PS031')).toBeUndefined();
    expect(advice(behindAlb(longer, 300), 'PS031', { reserveSeconds: 5 })).toBeUndefined();
  });

  it.each([2, 7, 12, 29])('a longest request of %i s', (longestRequestSeconds) => {
    const pod = (grace: number): string => deployment(HOOK, `terminationGracePeriodSeconds: ${grace}`);
    const least = number(advice(pod(2), 'PS024', { longestRequestSeconds }), /at least (\d+)$/);
    expect(advice(pod(least), 'PS024', { longestRequestSeconds })).toBeUndefined();
    expect(advice(pod(least - 1), 'PS024', { longestRequestSeconds })).toBeDefined();
  });

  it.each([1, 5, 10, 30])('a sleep of %i s', (seconds) => {
    const pod = (grace: number): string =>
      deployment(
        `lifecycle:\n  preStop:\n    sleep: { seconds: ${seconds} }`,
        `terminationGracePeriodSeconds: ${grace}`,
      );
    const least = number(advice(pod(seconds), 'PS023'), /at least (\d+)/);
    expect(advice(pod(least), 'PS023')).toBeUndefined();
    expect(advice(pod(least - 1), 'PS023')).toBeDefined();
  });

  it.each([9, 30, 61])('Istio and a grace period of %i s', (grace) => {
    const pod = (duration: string): string =>
      deployment(HOOK, `terminationGracePeriodSeconds: ${grace}`).replace(
        '      labels:',
        `      annotations: { proxy.istio.io/config: '{ "terminationDrainDuration": "${duration}" }' }\n      labels:`,
      );
    const right = /"terminationDrainDuration": "(\d+s)"/.exec(advice(pod('1s'), 'PS058') ?? '')?.[1];
    expect(advice(pod(right ?? ''), 'PS058')).toBeUndefined();
  });
});
