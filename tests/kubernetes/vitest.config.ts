import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const conditions = ['@prestop/source', 'node', 'module', 'default'];

// A configuration of its own: npm test does not run these, they need a cluster (npm run test:kubernetes).
export default defineConfig({
  root: dirname(fileURLToPath(import.meta.url)),
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    reporters: ['verbose'],
    include: ['cases/*.test.ts'],
    globalSetup: ['support/results-page.ts'],
    fileParallelism: false,
    maxConcurrency: 4,
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
