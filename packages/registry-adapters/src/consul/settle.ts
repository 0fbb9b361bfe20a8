/**
 * `settleMs` for the ways in which consumers look a service up, in milliseconds. Take the largest that applies: a consumer
 * may go on calling for so long after Consul says that the instance is gone.
 *
 * Measured on Consul 1.19.2, one server and two client agents on one machine of two cores, 50 deregistrations, from
 * Consul's answer to the consumer's knowledge, while the machine had other work (the integration test `consul-lag` prints
 * it anew): a blocking query, of any agent, knew after 2.5 ms (median) and 80 ms (longest); DNS, polled every 5 ms, after
 * 7 ms and 70 ms. The rest of a second is for networks, larger clusters and busy consumers.
 */
export const consulSettleMs = {
  /** Keeps a blocking query open, as Consul's own clients, Envoy under Consul and consul-template do. */
  blockingQuery: 1_000,
  /** Asks Consul's DNS for every call. Add `dns_config.service_ttl`, 0 by default, for whoever caches as he is told. */
  dns: 1_000,
  /**
   * Asks through CoreDNS, as pods do. Its cache keeps even what Consul gives a time to live of 0 for 5 s, and with
   * `service_ttl` up to 30 s in the Corefile of Kubernetes; node-local caches do the same once more, on what is left.
   * https://coredns.io/plugins/cache/
   */
  coreDns: 6_000,
  /** Traefik's `consulCatalog`: polls every 15 s and throttles for 2 s. */
  traefik: 18_000,
  /** Spring Cloud Netflix Ribbon: refreshes its list every 30 s. */
  ribbon: 31_000,
  /** Spring Cloud LoadBalancer: caches for 35 s, unless `spring.cloud.loadbalancer.cache.ttl` says otherwise. */
  springCloudLoadBalancer: 36_000,
} as const;
