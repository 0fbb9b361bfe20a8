import { describeInFlight } from '../../core/test/fixtures/in-flight-suite.ts';
import { SERVICE, VERSIONS } from './fixtures/versions.ts';

// Over TLS the framework has no part in it that it does not have without, and each process takes its time to start.
const repeats = { http: 5, https: 2 };

for (const { version, module } of VERSIONS) {
  describeInFlight(version, { script: SERVICE, env: { EXPRESS: module }, repeats });
}
