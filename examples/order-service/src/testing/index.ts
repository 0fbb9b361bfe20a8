export { type OrderPodOptions, startOrderPod } from './pods.ts';
export { LONGEST_REQUEST_MS, orderTraffic } from './traffic.ts';
