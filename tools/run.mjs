// The set-up step behind every npm script. Plain JavaScript without dependencies, because it runs on whatever Node
// (20 or later) the machine has, before anything is installed:
//
//   1. install what the lockfile says, if that has not happened yet  (npm ci --ignore-scripts)
//   2. compile, for the commands that measure                         (tsc -b)
//   3. hand over to the project's own Node, pinned through npm        (node_modules/.bin/node)
//
// Usage: node tools/run.mjs COMMAND [arguments]

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const binaries = join(root, 'node_modules', '.bin')
const source = ['--conditions=@qps/source']

/** What each command runs. `build` compiles first: what is measured runs as compiled code. */
const commands = {
  start: { build: true, file: 'bench/dist/src/start.js' },
  stage: { flags: source, file: 'packages/console/src/commands/stages.ts' },
  load: { flags: source, file: 'packages/console/src/commands/load.ts' },
  profile: { flags: source, file: 'packages/console/src/commands/profile.ts' },
  doctor: { flags: source, file: 'packages/console/src/commands/doctor.ts' },
  bench: { build: true, file: 'bench/dist/src/main.js' },
  'bench:compare': { build: true, file: 'bench/dist/src/compare.js' },
  'bench:markers': { build: true, file: 'bench/dist/src/markers.js' },
  build: { file: 'node_modules/typescript/bin/tsc', arguments: ['-b'] },
  test: { file: 'node_modules/vitest/vitest.mjs', arguments: ['run'] },
  check: { file: 'tools/check.mjs' },
  docs: { file: 'node_modules/vitepress/bin/vitepress.js', arguments: ['dev', 'docs'] },
  'docs:build': { file: 'tools/build-docs.mjs' },
}

/** One line, what and why and the next step; then the contract's exit code. */
function fail(line, code = 1) {
  console.error(line)
  process.exit(code)
}

function commandOf(name) {
  if (Object.hasOwn(commands, name)) return commands[name]
  const stage = /^stage:(\d+)$/.exec(name ?? '')
  if (stage) {
    const folder = readdirSync(join(root, 'stages')).find((entry) => Number(entry.slice(0, 2)) === Number(stage[1]))
    if (folder) return { flags: source, file: `stages/${folder}/src/main.ts` }
  }
  return fail(
    `QPS_USAGE: unknown command ${JSON.stringify(name)}; choose one of ${Object.keys(commands).join(', ')}, stage:N`,
    2,
  )
}

/** Installed means: the lockfile of today is the one that was installed, as its digest or npm's own stamp tells. */
function installed() {
  const stamp = join(root, 'node_modules', '.qps-installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockDigest()) return true
  const npmStamp = join(root, 'node_modules', '.package-lock.json')
  return existsSync(npmStamp) && statSync(npmStamp).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
}

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function install() {
  console.error('First run: installing the pinned dependencies and Node (npm ci --ignore-scripts) …')
  const npm = process.env.npm_execpath
  const [program, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []]
  const arguments_ = [...first, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  // Standard output belongs to the command (it may be JSON), so npm writes to standard error.
  const { status } = spawnSync(program, arguments_, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0)
    fail(
      'QPS_SETUP: npm ci did not succeed, see above; check the network or registry settings and type the command again',
    )
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  writeFileSync(join(root, 'node_modules', '.qps-installed'), lockDigest())
}

/** The pinned Node, or this one where the platform has no package and this one is new enough. */
function projectNode() {
  const pinned = join(binaries, 'node')
  if (existsSync(pinned)) return pinned
  if (Number(process.versions.node.split('.')[0]) >= 26) return process.execPath
  return fail(
    `QPS_SETUP: no Node 26 package for ${process.platform}-${process.arch}; install Node 26 yourself and type the command again`,
    3,
  )
}

function compile(node) {
  const { status } = spawnSync(node, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) fail('QPS_SETUP: the sources do not compile, see above; mend them and type the command again')
}

/** Becomes the command. Where this Node cannot replace itself (before 22.15), it waits and passes signals on. */
function handOver(node, argv) {
  if (typeof process.execve === 'function') {
    process.removeAllListeners('warning')
    process.on('warning', () => {})
    process.execve(node, [node, ...argv], process.env)
  }
  const child = spawn(node, argv, { stdio: 'inherit' })
  // A terminal sends Ctrl-C to every process of the group: passing it on would make one press look like two.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)))
  }
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

const [name, ...rest] = process.argv.slice(2)
if (Number(process.versions.node.split('.')[0]) < 20)
  fail(`QPS_SETUP: Node ${process.versions.node} is too old; install Node 20 or later`, 3)
const command = commandOf(name)
if (!installed()) install()
const node = projectNode()
process.env.PATH = `${binaries}${delimiter}${process.env.PATH ?? ''}`
process.env.QPS_ROOT = root
if (command.build) compile(node)
handOver(node, [...(command.flags ?? []), join(root, command.file), ...(command.arguments ?? []), ...rest])
