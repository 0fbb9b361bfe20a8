import { defineConfig } from 'vitest/config';

// Not 'import': vitest hands these to the worker process, whose require() would then get ES modules.
const conditions = ['@prestop/source', 'node', 'module', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'packages/*/test/**/*.test.ts',
            'benchmarks/test/**/*.test.ts',
            'examples/*/test/**/*.test.ts',
            'tests/*/test/**/*.test.ts',
          ],
          exclude: ['**/*.integration.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: [
            'packages/*/test/**/*.integration.test.ts',
            'benchmarks/test/**/*.integration.test.ts',
            'examples/*/test/**/*.integration.test.ts',
          ],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
