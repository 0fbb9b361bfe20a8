import { describeInFlight } from '../../core/test/fixtures/in-flight-suite.ts';
import { SERVICE, VERSIONS } from './fixtures/versions.ts';

// Five terminations of each; over TLS the framework has no part in it that it does not have without.
const repeats = { http: 3, https: 2 };

for (const { version, module } of VERSIONS) {
  describeInFlight(version, { script: SERVICE, env: { EXPRESS: module }, repeats });
}
