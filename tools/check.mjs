// `npm run check`: everything that must hold before a commit, in the order of what fails fastest.
// Usage: npm run check [-- --fast]   (--fast leaves out the tests and the site)

import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const steps = [
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
  ['types', 'tsc', ['-b']],
  ['types of tests', 'tsc', ['-p', 'tsconfig.test.json']],
  ['types of the site', 'tsc', ['-p', 'docs/tsconfig.json']],
  ['lint', 'oxlint', ['--type-aware', '--tsconfig', 'tsconfig.test.json']],
  ['boundaries', 'turbo', ['boundaries']],
  ['figures in the pages', 'node', ['bench/dist/src/markers.js', '--check']],
  ['tests', 'vitest', ['run'], 'slow'],
  ['site', 'node', ['tools/build-docs.mjs'], 'slow'],
]

const fast = process.argv.includes('--fast')
const environment = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }
for (const [name, program, argv, slow] of steps) {
  if (fast && slow) continue
  console.log(`── ${name}`)
  const { status } = spawnSync(program, argv, { cwd: root, stdio: 'inherit', env: environment })
  if (status !== 0) {
    console.error(`check: ${name} failed (${program} ${argv.join(' ')})`)
    process.exit(1)
  }
}
console.log('check: all good')
