import { defineConfig } from 'vitest/config';

/** A test run of its own, which `servers.integration.test.ts` kills. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['never-ends.ts'],
    globalSetup: ['global-setup.ts'],
    testTimeout: 60_000,
  },
});
