import { describeInFlight } from './fixtures/in-flight-suite.ts';

describeInFlight('node:http');
