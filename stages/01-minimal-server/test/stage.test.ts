import { httpSurfaceConformance, startStage } from '@qps/testkit'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const folder = '01-minimal-server'
const root = fileURLToPath(new URL('../../..', import.meta.url))
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Runs the stage's command to its end. */
function run(...argv: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@qps/source', main, ...argv], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, out: stdout, err: stderr }
}

for (const variant of ['minimal', 'hardened', 'observed']) {
  httpSurfaceConformance(
    variant,
    () => startStage(folder, ['--variant', variant]),
    (stage) => {
      test('shows process metrics, and the requests as well where it is observed', async () => {
        const body = await (await fetch(`${stage().admin}/metrics`)).text()
        expect(body).toContain('process_cpu_seconds_total')
        const counted = /http_server_requests_total\{method="GET",route="\/",status="200"\} [1-9]/.test(body)
        expect(counted).toBe(variant === 'observed')
      })
    },
  )
}

describe('the command', () => {
  test('says where it listens, and drains at SIGTERM with exit code 0', async () => {
    await using stage = await startStage(folder, ['--variant', 'observed'])
    expect(stage.events[0]).toMatchObject({
      event: 'listening',
      stage: 1,
      variant: 'observed',
      pid: stage.pid,
      workers: 1,
      endpoints: {},
      parts: {},
    })
    expect(stage.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const { code, events } = await stage.stop()
    expect(code).toBe(0)
    expect(events.at(-1)).toEqual({ event: 'drained', completed: 0, dropped: 0, ms: expect.any(Number) })
  })

  test('a SIGTERM to npm reaches the stage, which drains and ends with 0', async () => {
    const options = ['--variant', 'observed', '--port', '0', '--admin-port', '0', '--json']
    const npm = spawn('npm', ['run', '--silent', 'stage:1', '--', ...options], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines: string[] = []
    const reader = createInterface({ input: npm.stdout }).on('line', (line) => lines.push(line))
    await once(reader, 'line')
    npm.kill('SIGTERM')
    const [code] = (await once(npm, 'close')) as [number]
    expect([code, lines.map((line) => JSON.parse(line).event)]).toEqual([0, ['listening', 'drained']])
  })

  test('--list names the variants, as JSON too', () => {
    expect(run('--list').out).toContain('hardened')
    expect(JSON.parse(run('--list', '--json').out)).toMatchObject({
      stage: 1,
      best: 'observed',
      variants: [{ name: 'minimal' }, { name: 'hardened' }, { name: 'observed' }],
    })
  })

  test.each([
    [['--variant', 'hardend'], 2, 'QPS_UNKNOWN_VARIANT', 'did you mean "hardened"?'],
    [['--port', '70000'], 2, 'QPS_USAGE', 'from 0 to 65535'],
    [['--prot', '1'], 2, 'QPS_USAGE', 'did you mean "--port"?'],
    [['--workers', '4'], 2, 'QPS_USAGE', 'one event loop'],
    [['--with', 'redis'], 2, 'QPS_USAGE', 'no part "redis"'],
    [['--once'], 2, 'QPS_USAGE', '--load'],
    [['--host', '203.0.113.1', '--port', '0'], 1, 'QPS_ADDRESS_UNAVAILABLE', '--host'],
  ])('%j is one clear line', (argv, status, code, next) => {
    const ended = run(...argv)
    expect(ended.status).toBe(status)
    expect(ended.err.trimEnd().split('\n')).toHaveLength(1)
    expect(ended.err).toContain(code)
    expect(ended.err).toContain(next)
  })

  test.each([
    [['--variant', 'hardend'], 'QPS_UNKNOWN_VARIANT'],
    [['--host', '203.0.113.1', '--port', '0'], 'QPS_ADDRESS_UNAVAILABLE'],
  ])('%j with --json is an event', (argv, code) => {
    const { out } = run(...argv, '--json')
    expect(JSON.parse(out)).toEqual({ event: 'error', code, message: expect.any(String), hint: expect.any(String) })
  })

  test.each(['--port', '--admin-port'])('a port in use given to %s is one clear line, not a stack', async (option) => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as { port: number }
    const others = { '--port': '--admin-port', '--admin-port': '--port' } as const
    const ended = run(option, String(port), others[option as '--port'], '0')
    holder.close()
    expect([ended.status, ended.err.trimEnd().split('\n').length]).toEqual([1, 1])
    expect(ended.err).toMatch(new RegExp(`^QPS_PORT_IN_USE: port ${port} on 127.0.0.1 is in use; .*--port`))
  })

  test('--load --once loads, prints the result with the cost of both sides, drains and ends', () => {
    const ended = run('--port', '0', '--admin-port', '0', '--load', '0.5', '--once', '--json')
    const [listening, load, drained] = ended.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect([ended.status, listening.event, drained.event]).toEqual([0, 'listening', 'drained'])
    expect(load).toMatchObject({ event: 'load', errors: 0, connections: 64, offeredQps: null })
    expect(load.requests).toBeGreaterThan(100)
    expect(load.serverCpuUsPerRequest).toBeGreaterThan(1)
    expect(Object.keys(load.latencyMs)).toEqual(['mean', 'p50', 'p90', 'p99', 'p999', 'max'])
  })

  test('without a terminal there is a banner of at most 12 lines, then quiet', () => {
    const ended = run('--port', '0', '--admin-port', '0', '--load', '0.2', '--once')
    const [banner] = ended.out.split(/^http:\/\//m)
    expect(banner!.trimEnd().split('\n').length).toBeLessThanOrEqual(12)
    expect(ended.out).not.toContain('\x1b')
    expect(ended.out).toMatch(/drained in .*: \d+ requests completed, 0 dropped/)
  })
})

describe('the admin port', () => {
  test('health, and readiness that ends before the server does', async () => {
    await using stage = await startStage(folder, ['--variant', 'hardened'])
    expect((await fetch(`${stage.admin}/healthz`)).status).toBe(200)
    expect((await fetch(`${stage.admin}/readyz`)).status).toBe(200)
    // A connection that was used keeps the drain open for a moment, in which the balancer learns to look elsewhere.
    await fetch(`${stage.url}/`)
    const stopped = stage.stop()
    await expect
      .poll(async () => fetch(`${stage.admin}/readyz`).then(({ status }) => status), { interval: 5 })
      .toBe(503)
    expect((await stopped).code).toBe(0)
  })
})
