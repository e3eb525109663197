// Runs wrk for the measured time and says what it did in the words of the runner. wrk is compiled: it needs no warm-up, and
// what this script itself uses is part of the figure. One thread, as our generator has.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const option = (name) => ({ [name]: { type: 'string' } })
const names = ['program', 'target', 'connections', 'pipeline', 'seconds', 'warmup']
const { values } = parseArgs({ options: Object.assign({}, ...names.map(option)), strict: false })
const depth = Number(values.pipeline ?? 1)
// It takes whole seconds.
const seconds = Math.max(1, Math.round(Number(values.seconds)))
const script = depth > 1 ? ['-s', new URL('pipeline.lua', import.meta.url).pathname] : []
const parameters = ['-t1', `-c${values.connections ?? 64}`, `-d${seconds}s`, ...script, values.target]
if (depth > 1) parameters.push('--', String(depth))

const print = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
print({ event: 'measuring' })
const startMs = performance.now()
const { stdout, stderr, status } = spawnSync(values.program, parameters, { encoding: 'utf8' })
const elapsedS = (performance.now() - startMs) / 1000
const requests = /(\d+) requests in /.exec(stdout)?.[1]
if (status !== 0 || requests === undefined) {
  process.stderr.write(`error: wrk ended with ${status}: ${stderr || stdout}\n`)
  process.exit(1)
}
const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)
const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
const errors = (socket?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), refused)
print({ event: 'measured', requests: Number(requests), errors, elapsedS })
process.stdin.resume()
