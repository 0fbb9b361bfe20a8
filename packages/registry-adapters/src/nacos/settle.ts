/**
 * `settleMs` for the ways in which consumers find instances, in milliseconds. Take the largest that applies: a consumer
 * may go on calling for so long after Nacos says that the instance is gone.
 *
 * Measured on Nacos 2.4.3, one server on one machine of two cores, from Nacos' answer to the deregistration to the
 * consumer's knowledge (the integration test `nacos-lag` prints it anew): a fresh list over HTTP is right after 0.5 to
 * 0.7 s, the npm client knows after 0.5 to 0.6 s with a push and after up to 9.8 s without. Half a second of each is the
 * server's: for so long it gathers changes (`nacos.naming.push.pushTaskDelay`).
 */
export const nacosSettleMs = {
  /**
   * Is told by the server: Java clients from 2.0 through gRPC (not measured, the same queue of the server), the npm
   * client through UDP where the server can reach the consumer's address. UDP has left Nacos with 3.2.
   */
  push: 1_000,
  /** Asks every 10 s, as the npm client and Java clients before 2.0 do where no push reaches them. */
  poll: 11_000,
  /** Spring Cloud Netflix Ribbon: refreshes its list every 30 s. */
  ribbon: 31_000,
  /** Spring Cloud LoadBalancer: caches for 35 s, unless `spring.cloud.loadbalancer.cache.ttl` says otherwise. */
  springCloudLoadBalancer: 36_000,
} as const;
