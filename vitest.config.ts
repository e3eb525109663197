import { defineConfig } from 'vitest/config'

/** Sources are what tests run: this condition selects `src` in every package's exports. */
const sourceCondition = '@qps/source'
const shared = {
  ssr: { resolve: { conditions: [sourceCondition, 'node', 'import', 'default'] } },
}

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'bench/test/**/*.test.ts', 'tools/test/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts'],
          testTimeout: 15_000,
        },
      },
      {
        ...shared,
        test: {
          // Real processes, real sockets, clocks that matter: one file at a time, so that nothing else uses the cores.
          name: 'system',
          include: ['stages/*/test/**/*.test.ts', 'security/**/*.test.ts', '**/*.slow.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**'],
          fileParallelism: false,
          // CI's machines are shared: a core can vanish for longer than a test has patience. At a desk nothing is tried twice.
          retry: process.env['CI'] ? 1 : 0,
          testTimeout: 60_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
