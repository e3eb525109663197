import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Sources are what tests run: this condition selects `src` in every package's exports. */
const sourceCondition = '@qps/source'
/** Hundreds of processes are started from sources: the compiled form of each is kept. */
const env = { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/node-compile', import.meta.url)) }
const shared = {
  ssr: { resolve: { conditions: [sourceCondition, 'node', 'import', 'default'] } },
}

/** Files that mostly wait, for a server's time limits or for a child to end: several at a time use no more than a core. */
const waiting = [
  'security/{S01,S02,S04,S05,S06,S07,S08,S10,S11,S12,S14,S15,S16,S22,S23,S24,S25,S26}-*.test.ts',
  'security/likeness.test.ts',
  'bench/test/!(memory*|program).slow.test.ts',
  'packages/{client,console,grpc,http1,profile,quic}/test/**/*.slow.test.ts',
  'stages/*/test/!(loop|metrics).test.ts',
]
/** Quick files that measure the process they are in, its time or its collector: one at a time, in a process of their own. */
const measuring = ['packages/http2-frames/test/frames.test.ts', 'packages/metrics/test/memory.test.ts']
/** CI's machines are shared: a core can vanish for longer than a test has patience. At a desk nothing is tried twice. */
const retry = process.env['CI'] ? 1 : 0
const system = {
  env,
  retry,
  testTimeout: 60_000,
  hookTimeout: 30_000,
}

export default defineConfig({
  test: {
    // One group after the other, so that what runs beside a test is known.
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          env,
          include: ['packages/*/test/**/*.test.ts', 'bench/test/**/*.test.ts', 'tools/test/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts', ...measuring],
          retry,
          // Files share processes, one after the other: modules are loaded once, which is what most of them cost. None leaves
          // anything behind that another one would notice.
          isolate: false,
          testTimeout: 15_000,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...shared,
        test: { ...system, name: 'waiting', include: waiting, maxWorkers: 4, sequence: { groupOrder: 1 } },
      },
      {
        ...shared,
        test: {
          ...system,
          // Real processes, real sockets, clocks that matter: one file at a time, so that nothing else uses the cores.
          name: 'system',
          include: ['stages/*/test/**/*.test.ts', 'security/**/*.test.ts', '**/*.slow.test.ts', ...measuring],
          exclude: ['**/node_modules/**', '**/dist/**', ...waiting],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
